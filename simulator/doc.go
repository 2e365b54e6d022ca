// Package simulator imitates payment providers that lie on request, with a
// ledger as judge.
//
// A simulated provider speaks its API as documented: tokens, signatures,
// parameters, idempotency keys, statuses. A test points its client at it, scripts
// faults (a connection that breaks after the payment was executed, an answer that
// never comes, a key that is forgotten) and asks the ledger at the end how often
// money moved:
//
//	sim := simulator.NewTrueLayer(simulator.TrueLayerConfig{ … })
//	transport := sim.Transport()
//	defer transport.Close()
//	sim.Script(simulator.LoseAnswer())
//	… // the code under test pays, over an http.Client with this transport
//	sim.Ledger().Count("payment") // 1, or somebody paid twice
//
// Transport stays in the process and runs inside testing/synctest, where hours
// of retries take milliseconds. Start and StartHTTP2 serve on real sockets, and
// Run is the heart of a stand-alone process (cmd/payonce-simulator).
//
// The package has no line of code in common with any client: it imports the
// standard library alone, so that a mistake in the client is not repeated by its judge.
//
// # What a fault is
//
// A Fault has three steps that are chosen separately: how much of the request is
// read, whether it is executed, and what goes back. Each number of the fault
// catalogue (F1 …) has a constructor; AllFaults lists them. Faults of the network
// before a request arrives (name resolution, connecting, TLS) apply to dials.
//
// # What it can not do
//
// Some faults lie outside of what a provider can do to a client: a name that
// resolves to another region (F2), a credential that now belongs to another
// account (F38), dedupe that is per region (F45; PruneKeys is what a client sees
// of it). Refusals that are not stored (F40) are KeepRefusals of some dialects,
// and duplicates reported as errors (F41) ReplayConflicts of MidasPay's. A server that
// allows no streams (F25) shows as Stall. Over HTTP/2 there are no raw bytes to
// spoil: such faults reset the stream with PROTOCOL_ERROR. RST on TCP is real,
// in-process it is the error alone.
package simulator
