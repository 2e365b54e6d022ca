package pgstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// leave gives up the writer's row. Until the next enlist has deleted it, a transaction may still commit that nobody waits for.
func (w *writer) leave() {
	w.left, w.id = w.id, ""
	w.unsettled.Store(true)
}

// enlist sees to it that the writer has a row, and that no transaction that locks an earlier one is under way or will ever commit.
func (w *writer) enlist(ctx context.Context) error {
	if w.id != "" {
		return nil
	}
	conn, err := w.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	ctx, cancel := context.WithTimeout(ctx, 2*w.patience.enlist)
	defer cancel()
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: it ends the process instead
	incarnation, err := w.enlistAs(ctx, conn, hex.EncodeToString(id))
	if err != nil {
		return fmt.Errorf("enlist the writer: %w", inWords(ctx, err, 2*w.patience.enlist))
	}
	w.id, w.left, w.noted, w.incarnation = hex.EncodeToString(id), "", time.Time{}, incarnation
	w.unsettled.Store(false)
	return nil
}

func (w *writer) enlistAs(ctx context.Context, conn *pgxpool.Conn, id string) (incarnation string, err error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing to do after a commit
	if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1::text, true)", milliseconds(w.patience.enlist)); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, w.st.enlist, id, w.left); err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, w.st.forgetWriters, id); err != nil {
		return "", err
	}
	if incarnation, err = w.readHistory(ctx, tx); err != nil {
		return "", err
	}
	return incarnation, tx.Commit(ctx)
}

// readHistory looks whether the server's history is the one that the rows were written in, and notes if it isn't.
func (w *writer) readHistory(ctx context.Context, tx pgx.Tx) (now string, err error) {
	for range 2 {
		var version int
		var before string
		if err := tx.QueryRow(ctx, w.st.history).Scan(&version, &before, &now); err != nil {
			return "", err
		}
		if err := checkVersion(version, w.version); err != nil {
			return "", err
		}
		if before == now {
			break
		}
		if before != "" {
			w.logger.LogAttrs(ctx, slog.LevelWarn, "the server was failed over or restored: what was written last may be missing",
				slog.String("before", before), slog.String("now", now))
		}
		if _, err := tx.Exec(ctx, w.st.restored, now); err != nil {
			return "", err
		}
	}
	return now, nil
}
