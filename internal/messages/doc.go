// Package messages is what users read, in their language: English or Japanese.
//
// The English text stands in the source where it is printed, as a format string, and is the key under which the Japanese
// catalogue (japanese_*.go, one file for each kind of text) has its translation. So whoever adds a text writes English where
// it is needed and one line in the catalogue; a test of the module finds each text that has no translation, each
// translation whose verbs differ, and each that nobody uses any more. A translation may take the arguments in another order,
// as "%[2]s". Texts made of verbs and punctuation alone need none.
//
// Text that is not printed where it is made travels as a [Message], which is an error as well, and is put into a language
// at the end. So nothing here, and nobody who only makes texts, has to know the language.
//
// # Errors
//
// What a program says of a failure has two parts. The first line says what happened, with the code at its end. It is English
// in both languages, since people search for it and others are asked about it; only errors of the command line are
// translated, because they are about what was typed. Below it, in the user's language, stand the likely cause and the next
// thing to do ([Language.Explain]). Every code of the program has both (explanations_*.go); a test finds those that do not.
//
// # Decisions
//
// The language is that of --lang, else of LC_ALL, LC_MESSAGES and LANG, the first that is set. Japanese is written in UTF-8
// only: under ja_JP.eucJP and the like the language is English, which every terminal shows.
//
// There is no golang.org/x/text in here. Its message package, linked into a hook that is 8.9 MB, costs 0.3 MB of plural rules
// and number formats of all languages, and writes a process id as 12,345; what two languages need is a map and fmt.
package messages
