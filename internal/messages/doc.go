// Package messages is what users read, in their language.
//
// The English text stands in the source where it is printed, as a format string, and is the key under which the tables of each
// language (japanese_*.go, one file for each kind of text) have its translation. Its type is [Text], or [Noun] or [Page]; a constant is
// of that type where a parameter or a field is. So a text is written in English where it is needed, and a line is added to a table; a
// test of the module finds by the type each text that has no translation, each translation whose verbs differ, and each that is not
// used any more. A translation may take the arguments in another order, as "%[2]s". Texts made of verbs and punctuation alone need none.
// What the flag library shows stands in its fields Usage and Description, which are strings; the test finds these by the library's types.
//
// One more language is an entry of [Languages] with its tables; the same test tells what it lacks, which is shown in English until then.
//
// Text that is not printed where it is made travels as a [Message], which is an error as well, and is put into a language
// at the end. So nothing here, and nothing that only makes texts, has to know the language.
//
// # Errors
//
// What a program says of a failure has two parts. The first line says what happened, with the code at its end. It is English
// in each language, since people search for it and others are asked about it; only errors of the command line are
// translated, because they are about what was typed. Below it, in the user's language, stand the likely cause and the next
// thing to do ([Language.Explain]). Every code has both ([Code]), those of doctor's findings too; a test finds those that do not, and
// docs/errors.md and its translations are made of them ([Language.ErrorPage]).
//
// # Decisions
//
// The language is that of --lang, else of LC_ALL, LC_MESSAGES and LANG, the first that is set. All but English is written in
// UTF-8 only: under ja_JP.eucJP and the like the language is English, which every terminal shows.
//
// There is no golang.org/x/text in here. Its message package, linked into a hook that is 8.9 MB, costs 0.3 MB of plural rules
// and number formats of all languages, and writes a process id as 12,345; what these languages need is a map and fmt.
package messages
