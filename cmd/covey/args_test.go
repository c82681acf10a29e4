package main

import (
	"slices"
	"strings"
	"testing"
)

// permutations calls each with every order of parts, which it owns meanwhile.
func permutations(parts []string, each func([]string)) {
	var from func(int)
	from = func(i int) {
		if i == len(parts) {
			each(parts)
			return
		}
		for j := i; j < len(parts); j++ {
			parts[i], parts[j] = parts[j], parts[i]
			from(i + 1)
			parts[i], parts[j] = parts[j], parts[i]
		}
	}
	from(0)
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	app := newApp(newSession().sys)
	parts := []string{"lookup", "web", "--type A", "--tag=x", "--json", "--no-color"}
	permutations(parts, func(order []string) {
		if slices.Index(order, "lookup") > slices.Index(order, "web") {
			return // then web would be the command
		}
		args := strings.Fields("covey " + strings.Join(order, " "))
		got, err := arrange(app, args)
		if err != nil {
			t.Errorf("%q: %v", args, err)
			return
		}
		line := strings.Join(got, " ")
		for _, flag := range []string{"--type A", "--tag=x", "--json"} {
			if !strings.Contains(line, flag) {
				t.Errorf("%q lost %s: %q", args, flag, got)
			}
		}
		if len(got) != 9 || !strings.HasPrefix(line, "covey --no-color lookup --") || !strings.HasSuffix(line, " -- web") {
			t.Errorf("%q is arranged as %q", args, got)
		}
	})
}

func FuzzAnyCommandLineIsArrangedOrRefused(f *testing.F) {
	for _, line := range []string{"", "lookup web --type", "-- lookup -- --x", "--tag -x lookup", "-", "--", "---=", "-h -h", "__complete -- --help", "--=", "=x"} {
		f.Add(line)
	}
	app := newApp(newSession().sys)
	f.Fuzz(func(t *testing.T, line string) {
		args := append([]string{"covey"}, strings.Split(line, " ")...)
		if got, err := arrange(app, args); err == nil && got[0] != "covey" || err != nil && exitCode(err) != exitUsage {
			t.Errorf("%q is arranged as %q, %v", args, got, err)
		}
	})
}
