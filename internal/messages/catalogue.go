package messages

import (
	"iter"
)

// catalogue is the Japanese of every text but the explanations of codes.
func catalogue() []map[string]string {
	return []map[string]string{
		japaneseAnswers,
		japaneseDoctor,
		japaneseHelp,
		japaneseHooks,
		japaneseProviders,
		japaneseSandbox,
		japaneseSteps,
		japaneseUsage,
		japaneseWatch,
	}
}

// Catalogue returns the catalogue: each English text with its translation.
func Catalogue() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, part := range catalogue() {
			for english, japanese := range part {
				if !yield(english, japanese) {
					return
				}
			}
		}
	}
}
