package main

import (
	"errors"
	"fmt"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/simulator"
)

// judge compares the provider's ledger with the committed orders. It prints what it found, and is an error unless that is one payment for
// each order, and an order for each that was sold.
func judge(ledger *simulator.Ledger, orders []string, sold, killed int) error {
	made := map[string]int{}
	for _, entry := range ledger.Entries() {
		made[entry.Metadata["payonce_ref"]]++
	}
	once := len(orders) == sold && len(made) == sold
	for _, reference := range orders {
		once = once && made[payonce.OperationID{Kind: "payment.create", Reference: reference}.Ref(1)] == 1
	}
	word, err := "once", error(nil)
	if !once {
		word, err = "NOT once", errors.New("the ledger is not what was ordered")
	}
	fmt.Printf("%s: %d payments for %d orders in the provider's ledger, %d workers killed\n", word, ledger.Count("payment"), len(orders), killed)
	return err
}
