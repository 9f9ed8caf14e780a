package fault

// Text is English that users read in their own language: a whole text, or a format for [fmt.Sprintf]. Package messages has its
// translations, by the English. A constant becomes one where it is written; a guard of the module finds each by this type, and
// nothing else is made into one.
type Text string

// Verbatim makes a text of what is the same in every language: a command line, a name, what a peer says.
func Verbatim(text string) Text { return Text(text) }
