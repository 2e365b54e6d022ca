package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Control returns the control endpoints, which Run serves beside the API: they
// do from outside what a test in Go does by method calls.
//
//	GET    /simulator/ledger            every effect
//	GET    /simulator/requests          every request that arrived
//	GET    /simulator/faults            the names that POST takes
//	POST   /simulator/faults            append a fault: a FaultSpec in JSON
//	DELETE /simulator/faults            remove the faults that are not used up
//	POST   /simulator/prune-keys        forget every idempotency key
//	POST   /simulator/drop-connections  close idle connections
//	POST   /simulator/deliver-held      deliver what the network holds back
//	POST   /simulator/reset             start from nothing
//
// A simulated TrueLayer adds the following; fail takes {"stage", "reason"}.
//
//	POST   /simulator/revoke-tokens
//	POST   /simulator/payments/{id}/{authorize|execute|settle|pay|fail|expire}
//	POST   /simulator/refunds/{id}/{execute|settle|fail}
//	POST   /simulator/payouts/{id}/{authorize|execute|fail}
//
// The others have payments/{id}/{pay|fail|expire} and refunds/{id}/{settle|fail},
// where fail takes {"code"}, and what their types name.
//
// They need no credentials.
func (c *core) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simulator/ledger", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"entries": c.ledger.Entries()})
	})
	mux.HandleFunc("GET /simulator/requests", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"requests": requestViews(c.log.copy())})
	})
	mux.HandleFunc("GET /simulator/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"faults": faultViews()})
	})
	mux.HandleFunc("POST /simulator/faults", c.postFault)
	for pattern, do := range map[string]func(){
		"DELETE /simulator/faults":         c.ClearScript,
		"POST /simulator/prune-keys":       c.PruneKeys,
		"POST /simulator/drop-connections": c.DropConnections,
		"POST /simulator/deliver-held":     c.DeliverHeld,
		"POST /simulator/reset":            c.Reset,
	} {
		mux.HandleFunc(pattern, act(func(*http.Request) error { do(); return nil }))
	}
	c.api.control(mux)
	return mux
}

func (c *core) postFault(w http.ResponseWriter, r *http.Request) {
	act(func(r *http.Request) error {
		var spec FaultSpec
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&spec); err != nil {
			return fmt.Errorf("simulator: decode a fault: %w", err)
		}
		f, err := spec.Fault()
		if err != nil {
			return err
		}
		c.Script(f)
		return nil
	})(w, r)
}

// act answers 204, or 400 with the error.
func act(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": err.Error()})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone away is no error of ours
}

// requestView is a request with its body as text.
type requestView struct {
	Request

	Body string `json:"body,omitempty"`
}

func requestViews(requests []Request) []requestView {
	out := make([]requestView, len(requests))
	for i, r := range requests {
		out[i] = requestView{r, string(r.Body)}
	}
	return out
}

func faultViews() []map[string]any {
	var out []map[string]any
	for _, s := range AllFaults() {
		out = append(out, map[string]any{"number": s.Number, "name": s.Name, "proto": s.Proto})
	}
	return out
}

// control adds what moves payments, refunds and payouts on.
func (s *TrueLayer) control(mux *http.ServeMux) {
	mux.HandleFunc("POST /simulator/revoke-tokens", act(func(*http.Request) error {
		s.RevokeTokens()
		return nil
	}))
	mux.HandleFunc("POST /simulator/{kind}/{id}/{step}", act(func(r *http.Request) error {
		why := struct{ Stage, Reason string }{Reason: "unknown"}
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&why); err != nil {
				return fmt.Errorf("simulator: decode a failure: %w", err)
			}
		}
		id := r.PathValue("id")
		switch step := r.PathValue("kind") + " " + r.PathValue("step"); step {
		case "payments authorize":
			return s.Authorize(id)
		case "payments execute":
			return s.Execute(id)
		case "payments settle":
			return s.Settle(id)
		case "payments pay":
			return s.Pay(id)
		case "payments fail":
			return s.FailPayment(id, why.Stage, why.Reason)
		case "payments expire":
			return s.ExpirePayment(id)
		case "refunds execute", "refunds settle":
			return s.ExecuteRefund(id)
		case "refunds fail":
			return s.FailRefund(id, why.Reason)
		case "payouts authorize":
			return s.AuthorizePayout(id)
		case "payouts execute":
			return s.ExecutePayout(id)
		case "payouts fail":
			return s.FailPayout(id, why.Reason)
		default:
			return fmt.Errorf("simulator: there is no step %q", step)
		}
	}))
}
