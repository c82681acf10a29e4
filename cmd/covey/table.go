package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// style is an ANSI SGR parameter; "" is plain.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func paint(color bool, s style, text string) string {
	if !color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// statusStyle is the colour of a word for a health or membership status.
func statusStyle(status string) style {
	switch status {
	case "passing", "alive":
		return green
	case "warning", "leaving", "left":
		return yellow
	default:
		return red
	}
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

func text(s string) cell { return cell{text: s} }

func status(s string) cell { return cell{s, statusStyle(s)} }

// table is rows under a header, aligned by what is seen of them.
type table struct {
	header []string
	rows   [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// write prints the table to the output.
func (s *system) write(t *table) {
	head := make([]cell, len(t.header))
	for i, h := range t.header {
		head[i] = cell{h, bold}
	}
	rows := append([][]cell{head}, t.rows...)
	width := make([]int, len(head))
	for _, row := range rows {
		for i := range row {
			row[i].text = printable(row[i].text)
			width[i] = max(width[i], utf8.RuneCountInString(row[i].text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		gap := 0
		for i, c := range row {
			if c.text != "" { // so that no line ends in spaces
				b.WriteString(strings.Repeat(" ", gap))
				b.WriteString(paint(s.color, c.style, c.text))
				gap = 0
			}
			gap += width[i] + 2
			if c.text != "" {
				gap -= utf8.RuneCountInString(c.text)
			}
		}
		b.WriteByte('\n')
	}
	s.printf("%s", b.String())
}

// printable replaces what could move the cursor or recolour a terminal: names,
// outputs and reasons come from other hosts.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
