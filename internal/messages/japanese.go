package messages

// japanese are the tables of Japanese.
func japanese() []map[Text]string {
	return []map[Text]string{
		japaneseAnswers,
		japaneseCodes,
		japaneseDeploy,
		japaneseDoctor,
		japaneseHelp,
		japaneseHooks,
		japanesePersist,
		japaneseProviders,
		japaneseSandbox,
		japaneseServe,
		japaneseSteps,
		japaneseUsage,
		japaneseWatch,
	}
}
