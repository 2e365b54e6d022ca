// Package fleet_test shows what the stores promise to many processes: all of them answer alike, and on PostgreSQL nothing is paid twice
// and nothing is lost when processes are killed, the server is killed, paused or full, and connections break.
//
// Sizes and seeds are PAYONCE_STEPS, PAYONCE_OPERATIONS, PAYONCE_PROCESSES and PAYONCE_SEED.
package fleet_test
