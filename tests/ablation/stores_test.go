package ablation_test

// ofTheStores take safeguards out of the key stores. What a disk does to them is shown by the instruments of tests/power and tests/disk.
func ofTheStores() []ablation {
	const memory, sqlite = "store/memstore", "store/sqlitestore"
	return []ablation{
		{
			safeguard: "memory: a save is a compare-and-set", file: memory + "/store.go", in: memory, by: "TestStore",
			text: "if e == nil || e.rec.Version != rec.Version {", instead: "if e == nil || (e.rec.Version != rec.Version && !ABLATED) {",
		},
		{
			safeguard: "memory: the newest time is that of all records", file: memory + "/store.go", in: memory, by: "TestStore",
			text: "if t.After(s.newest) {", instead: "if t.After(s.newest) || ABLATED {",
		},
		{
			safeguard: "sqlite: a stale save is told", file: sqlite + "/statements.go", in: sqlite, by: "TestStore",
			text: "return fmt.Errorf(\"version %d", instead: "if ABLATED { return nil, nil }\n\t\treturn fmt.Errorf(\"version %d",
		},
		{
			safeguard: "sqlite: a commit is on the disk", file: sqlite + "/connector.go", in: sqlite, by: "TestEveryConnectionHasTheSettings",
			text: `{"synchronous", "2"}`, instead: `{"synchronous", map[bool]string{true: "1", false: "2"}[ABLATED]}`,
		},
	}
}
