package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// suggestCommand is what to do about a command that does not exist: take the one whose
// name is near word, or see the help.
func suggestCommand(app *cli.App, word string) string {
	var names []string
	for _, c := range app.Commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return suggest(names, word, "", "`covey help`")
}

// suggestFlag does the same for the name of a flag of a command.
func suggestFlag(flags []cli.Flag, word, command string) string {
	names := []string{"help"}
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	return suggest(names, word, "--", strings.TrimSpace("`covey help "+command)+"`")
}

func suggest(names []string, word, dashes, help string) string {
	best, distance := "", min(3, len(word)) // two slips are a typo, more are another word
	for _, name := range names {
		if d := editDistance(name, word); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return "see " + help
	}
	return "did you mean `" + dashes + best + "`?"
}

// editDistance is Levenshtein's: the insertions, deletions and replacements of bytes
// that make a out of b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
