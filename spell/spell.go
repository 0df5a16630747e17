// Package spell finds the name that somebody probably meant: the nearest by edit distance.
package spell

import "strings"

// longest is the length in bytes from which a word is no misspelt name, but something else.
const longest = 64

// Nearest is the known name with the fewest edits from word, the first of several, or "" when none
// is within so many. Neither case nor the difference between "-" and "_" counts.
func Nearest(word string, known []string, within int) string {
	word = fold(word)
	best, fewest := "", within+1
	for _, name := range known {
		if d := distance(word, fold(name)); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

func fold(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }

// distance is the Levenshtein distance, in bytes.
func distance(a, b string) int {
	if len(a) > longest {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
