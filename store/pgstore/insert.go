package pgstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/internal/storage"
)

// InsertTx inserts a record that Prepare made in the merchant's own transaction, beside the order that it pays for: either both are
// committed or neither exists. After the commit Run or any Recover sends it, and a store that listens (Wake) is told at once.
//
// An operation that is there already, with the same content, is left as it is: InsertTx may be repeated. With other content, or when another
// operation has its key, it is ErrKeyReuse. After any error roll the transaction back.
//
// The tables are those that the transaction's search path finds; the method of Store knows its own. It waits for other transactions that
// insert the same operation. Only a client of this store can send the record: hashes in it are keyed with the store's salt.
func InsertTx(ctx context.Context, tx pgx.Tx, rec *payonce.Record) error {
	return insertTx(ctx, onPgx(tx), bySearchPath(), callersServer, rec)
}

// InsertSQLTx is InsertTx for a transaction of database/sql, with pgx's driver or another one for PostgreSQL.
func InsertSQLTx(ctx context.Context, tx *sql.Tx, rec *payonce.Record) error {
	return insertTx(ctx, onSQL(tx), bySearchPath(), callersServer, rec)
}

// InsertTx is the package's InsertTx into this store's tables, whatever the search path.
func (s *Store) InsertTx(ctx context.Context, tx pgx.Tx, rec *payonce.Record) error {
	return insertTx(ctx, onPgx(tx), s.inserting, s.server, rec)
}

// InsertSQLTx is the package's InsertSQLTx into this store's tables, whatever the search path.
func (s *Store) InsertSQLTx(ctx context.Context, tx *sql.Tx, rec *payonce.Record) error {
	return insertTx(ctx, onSQL(tx), s.inserting, s.server, rec)
}

// callersServer stands for the server in errors: a transaction does not tell.
const callersServer = "in the caller's transaction"

// inserting are the statements of an insert in the merchant's transaction.
type inserting struct {
	insert, stored, keyOwner string
	version                  int // of the schema that they were written for
}

func (d *dialect) inserting(version int, wake bool) inserting {
	tail := quietTail
	if wake {
		tail = notifyTail
	}
	return inserting{
		insert:   d.text(insertSQL + tail),
		stored:   d.text("select o.fingerprint from {operation} o " + ofIdentity + " and o.generation >= $4::bigint order by o.generation desc limit 1"),
		keyOwner: d.text(keyOwnerSQL),
		version:  version,
	}
}

// bySearchPath are the statements on the tables that the search path finds.
func bySearchPath() inserting { return (&dialect{clock: clockSQL}).inserting(len(migrations()), true) }

// queryRow asks for one row in the merchant's transaction.
type queryRow func(ctx context.Context, statement string, args ...any) pgx.Row

func onPgx(tx pgx.Tx) queryRow { return tx.QueryRow }

func onSQL(tx *sql.Tx) queryRow {
	return func(ctx context.Context, statement string, args ...any) pgx.Row {
		return tx.QueryRowContext(ctx, statement, args...)
	}
}

func insertTx(ctx context.Context, ask queryRow, st inserting, server string, rec *payonce.Record) error {
	doing := "insert"
	err := storage.PreparedOnly(rec)
	if err == nil {
		doing += " " + rec.ID.String()
		err = st.run(ctx, ask, rec)
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(server, doing, err)
}

func (st *inserting) run(ctx context.Context, ask queryRow, rec *payonce.Record) error {
	idle := *rec
	idle.Lease = payonce.Lease{}
	w, err := encodeClaim(&idle)
	if err != nil {
		return err
	}
	var version int
	var encoding, notified string
	err = ask(ctx, st.insert, w.insertion()...).Scan(&version, &encoding, &notified)
	switch {
	case err == nil && encoding != "UTF8": // other text would identify another operation
		return fmt.Errorf("the transaction's client_encoding is %s: set it to UTF8", encoding)
	case err == nil:
		return checkVersion(version, st.version)
	case !errors.Is(err, sql.ErrNoRows): // which is pgx.ErrNoRows too
		return err
	}
	var fingerprint []byte
	err = ask(ctx, st.stored, w.identity...).Scan(&fingerprint)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return keyTaken(ctx, ask, st.keyOwner, rec)
	case err != nil:
		return err
	case !bytes.Equal(fingerprint, rec.Fingerprint):
		return fmt.Errorf("the operation exists with other content: %w", payonce.ErrKeyReuse)
	}
	return nil
}

// errNowhere says that an insert was refused for the sake of a row that is not there.
var errNowhere = errors.New("it was not inserted, and neither it nor its key is there: was the server failed over, or is the sequence of payonce_operation.id behind its rows?")

// keyTaken is the answer when another operation has the key.
func keyTaken(ctx context.Context, ask queryRow, statement string, rec *payonce.Record) error {
	var owner payonce.OperationID
	err := ask(ctx, statement, append([]byte{}, rec.Scope...), storable(rec.Key)).Scan(&owner.Account, &owner.Kind, &owner.Reference)
	switch {
	case errors.Is(err, sql.ErrNoRows): // which is pgx.ErrNoRows too
		return errNowhere
	case err != nil:
		return err
	}
	return fmt.Errorf("key %q belongs to %s: %w", rec.Key, owner, payonce.ErrKeyReuse)
}
