package fleet_test

const errandVariable = "PAYONCE_FLEET_ERRAND"

func runErrand(string) {}
