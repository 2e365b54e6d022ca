package storetest

import (
	"bytes"
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/payonce/payonce"
)

// account is whose operations most checks store.
const account = "provider/sandbox/merchant-1"

// at is a time with microseconds.
func at(minute int) time.Time {
	return time.Date(2026, time.February, 3, 4, minute, 5, 678_901_000, time.UTC)
}

func id(reference string) payonce.OperationID {
	return payonce.OperationID{Account: account, Kind: "payment.create", Reference: reference}
}

// small returns a record with little in it, not leased.
func small(reference string) *payonce.Record {
	return &payonce.Record{
		ID: id(reference), Generation: 1, Key: reference + "_payment",
		Scope: []byte("scope-1"), Fingerprint: []byte("fingerprint of " + reference), Seal: []byte("seal of " + reference),
		Origin: "https://api.example.com", Method: http.MethodPost, Path: "/v1/payments",
		Header: http.Header{"Content-Type": {"application/json"}}, Body: payonce.Raw(`{"amount":5000}`),
		CreatedAt: at(0), Progress: payonce.Progress{DueAt: at(1)},
	}
}

// full returns a record in which every field has a value, in the states in which records are claimed.
func full(reference string) *payonce.Record {
	rec := small(reference)
	rec.Generation = 1
	rec.Exclusive = true
	rec.Replay, rec.EmptyOK, rec.Prepared = payonce.ReplayOnce, true, true
	rec.Path = "/v1/payments?expand=a%2Fb&x=ü"
	rec.Header = http.Header{"Content-Type": {"application/json"}, "X-Two": {"one", "", "tab\tand \"quotes\" <&>"}}
	rec.Body = payonce.Raw("zero \x00 byte, \xff\xfe no text, " + string(bytes.Repeat([]byte{0, 1, 254, 255}, 64)))
	rec.NotAfter = at(59)
	rec.Progress = progress(1)
	return rec
}

// progress returns a progress in which every field has a value, another one for every n.
func progress(n int) payonce.Progress {
	return payonce.Progress{
		State: payonce.StateInDoubt, Sent: 10 + n, Reached: 5 + n, Possible: n, Accepted: true, KeySpent: true,
		FirstAt: at(n), LastAt: at(n + 1), DueAt: at(n + 2),
		Attempts: []payonce.Attempt{
			{
				N: 1, StartedAt: at(n), Took: 1_234_567_891 * time.Nanosecond, Class: payonce.ClassNotSent, Waited: 3 * time.Second,
				Fault: "dial tcp 192.0.2.1:443: connect: connection refused",
			},
			{N: 2, StartedAt: at(n + 1), Class: payonce.ClassSucceeded, Status: 201, Code: "ok <&> é", RequestID: "req-2"},
		},
		Outcome: &payonce.Outcome{
			Class: payonce.ClassDeclined, Status: 402, Body: payonce.Raw("{\"declined\":true}\x00"),
			Code: "card_declined", Message: "Karte abgelehnt: 支払い不可", RequestID: "req-9", ResourceID: "pay_1", AnsweredAt: at(n + 3),
			Replayed: true,
		},
		Reason: "the key's life is over", Note: "asked the bank; \"not executed\"",
	}
}

// leased adds a lease to a record that is to be claimed or saved.
func leased(rec *payonce.Record, holder string, length time.Duration) *payonce.Record {
	rec.Lease = payonce.Lease{Holder: holder, For: length}
	return rec
}

// copyOf returns a copy that is safe to claim, save and compare. It shares slices and maps.
func copyOf(rec *payonce.Record) *payonce.Record {
	c := *rec
	return &c
}

// mustClaim inserts rec and fails the test if it was not inserted.
func mustClaim(t *judge, store payonce.KeyStore, rec *payonce.Record) *payonce.Record {
	t.Helper()
	got, err := store.Claim(t.Context(), rec)
	if err != nil {
		t.Fatalf("claim %s: %v", rec.ID, err)
	}
	if got != rec {
		t.Fatalf("claim %s: there was a record already", rec.ID)
	}
	return got
}

func mustLoad(t *judge, store payonce.KeyStore, id payonce.OperationID, generation int) *payonce.Record {
	t.Helper()
	rec, err := store.Load(t.Context(), id, generation)
	if err != nil {
		t.Fatalf("load %s, generation %d: %v", id, generation, err)
	}
	return rec
}

func mustSave(t *judge, store payonce.KeyStore, rec *payonce.Record) {
	t.Helper()
	if err := store.Save(t.Context(), rec); err != nil {
		t.Fatalf("save %s, version %d: %v", rec.ID, rec.Version, err)
	}
}

// saveLater calls SaveLater and waits for its answer.
func saveLater(t *judge, store payonce.KeyStore, rec *payonce.Record) error {
	t.Helper()
	done := make(chan error, 8) // room for a store that answers too often
	store.SaveLater(rec, func(err error) { done <- err })
	return answer(t, done)
}

func answer(t *judge, done <-chan error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		t.Fatal("no answer within a minute")
		return nil
	}
}

// same fails the test if two records differ, and names the fields. What is the store's own is not compared.
func same(t *judge, got, want *payonce.Record) {
	t.Helper()
	g, w := *got, *want
	for _, rec := range []*payonce.Record{&g, &w} {
		rec.Version, rec.Lease, rec.Newest, rec.Restored = 0, payonce.Lease{}, time.Time{}, false
	}
	fields(t, "Record", reflect.ValueOf(g), reflect.ValueOf(w))
	if g.Outcome != nil && w.Outcome != nil {
		fields(t, "Outcome", reflect.ValueOf(*g.Outcome), reflect.ValueOf(*w.Outcome))
	}
}

func fields(t *judge, name string, got, want reflect.Value) {
	t.Helper()
	for i := range got.NumField() {
		field := got.Type().Field(i)
		if field.Type.Kind() == reflect.Struct && field.Anonymous {
			fields(t, name, got.Field(i), want.Field(i))
			continue
		}
		if g, w := got.Field(i).Interface(), want.Field(i).Interface(); !reflect.DeepEqual(g, w) {
			t.Errorf("%s.%s came back as %#v, want %#v", name, field.Name, g, w)
		}
	}
}

// equal fails the test if two values differ.
func equal[T comparable](t *judge, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
