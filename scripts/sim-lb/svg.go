package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// The picture: both axes are logarithmic, since figures of a hundred lie beside such of two.
const (
	width, height = 720., 420.
	left, right   = 60., 140.
	top, bottom   = 40., 50.
)

var colours = []string{"#888888", "#1b9e77", "#7570b3", "#d95f02", "#e6ab02", "#66a61e", "#e7298a"}

// draw writes one picture: a curve for each policy over the time between reports.
func draw(dir, name, title string, figures [][]outcome, of func(outcome) float64) error {
	least, most := math.Inf(1), 0.
	for _, row := range figures {
		for _, o := range row {
			least, most = min(least, of(o)), max(most, of(o))
		}
	}
	x := func(every float64) float64 {
		return left + (width-left-right)*math.Log(every/periods[0])/math.Log(periods[len(periods)-1]/periods[0])
	}
	y := func(v float64) float64 {
		return height - bottom - (height-top-bottom)*math.Log(v/least)/math.Log(most/least*1.001)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="white"/><text x="%g" y="22" font-size="15">%s</text>`+"\n", width, height, left, escaped(title))
	for _, every := range periods {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%g" y2="%g" stroke="#ddd"/><text x="%.1f" y="%g" text-anchor="middle">%g</text>`+"\n",
			x(every), x(every), top, height-bottom, x(every), height-bottom+16, every)
	}
	for v := least; v <= most*1.001; v *= math.Pow(most/least*1.0005, .25) {
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%g" y="%.1f" text-anchor="end">%.3g</text>`+"\n",
			left, width-right, y(v), y(v), left-6, y(v)+4, v)
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">service times between reports</text>`+"\n", (left+width-right)/2, height-12)
	for p, policy := range policies {
		var points []string
		for t, every := range periods {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(every), y(of(figures[p][t]))))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colours[p])
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%g" y2="%g" stroke="%s" stroke-width="2"/><text x="%g" y="%g">%s</text>`+"\n",
			width-right+14, width-right+34, top+18*float64(p), top+18*float64(p), colours[p], width-right+40, top+4+18*float64(p), escaped(policy))
	}
	b.WriteString("</svg>\n")
	path := filepath.Join(dir, name+".svg")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("the curves cannot be drawn: %w; give -svg a directory that is there", err)
	}
	return nil
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // which a strings.Builder takes
	return b.String()
}
