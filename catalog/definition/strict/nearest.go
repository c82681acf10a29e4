package strict

import "strings"

// Nearest returns the name that word was most likely meant to be, or "". Case and
// underscores do not count.
func Nearest(word string, names []string) string {
	word = bare(word)
	if len(word) < 2 || len(word) > maxKeyLen {
		return ""
	}
	best, least := "", 1+min(3, max(1, len(word)/3))
	for _, name := range names {
		if d := distance(word, bare(name)); d < least {
			best, least = name, d
		}
	}
	if best != "" || len(word) < 4 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(bare(name), word) {
			return name
		}
	}
	return ""
}

func bare(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// distance is how many letters must be inserted, left out, replaced or swapped with
// their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}
