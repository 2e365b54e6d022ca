// Package crash_test kills, stops and multiplies real processes that share one SQLite file, while the provider, whose ledger is the judge,
// lives on in the parent. Each child is this test binary again, with an errand in its environment.
//
// The sizes are set by environment variables, each with a small default: PAYONCE_KILLS (random kills), PAYONCE_PROCESSES and
// PAYONCE_OPERATIONS (processes that share a file, and how many operations each of them wants), PAYONCE_STOPS (SIGSTOP cycles).
// PAYONCE_SEED sets the seed, which every test prints. The kills at named points need the build tag failpoint.
package crash_test
