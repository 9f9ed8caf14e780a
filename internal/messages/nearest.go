package messages

// Nearest returns the candidate that a mistyped word most likely stands for, by the number of letters that have to be put in,
// left out, changed, or swapped with the next; "" if none is near enough to be worth a question. Of several, it is the first.
func Nearest(word string, candidates []string) string {
	best, least := "", 1+min(3, (len([]rune(word))+1)/3)
	for _, candidate := range candidates {
		if d := distance([]rune(word), []rune(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of two words.
func distance(a, b []rune) int {
	if len(a) > 64 || len(b) > 64 {
		return 64 // no word of ours is that long
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
