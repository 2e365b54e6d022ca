package sqlitestore_test

const roleVariable = "PAYONCE_TEST_ROLE"

func play(role string) int { return 1 }
