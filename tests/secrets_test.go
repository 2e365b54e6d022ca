package tests_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/payonce/payonce"
	"github.com/payonce/payonce/provider/truelayer"
	"github.com/payonce/payonce/simulator"
)

// TestSecretsAppearNowhere follows every secret of a payment through errors, logs, printing, JSON and the database file: credentials,
// token and signature are nowhere; what the answer holds is in the stored body and nowhere else.
func TestSecretsAppearNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, new(trueLayer()), false, openSQLite(t, filepath.Join(dir, "payments.db")), setup{})
		var log bytes.Buffer
		c := w.client(t, func(cfg *payonce.Config) {
			cfg.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		p := w.params("order-1")
		method, _ := p.Method.(truelayer.BankTransfer)
		method.HostedPage = truelayer.HostedPage{ReturnURI: "https://shop.example/paid"}
		p.Method = method
		w.sim.Script(simulator.LoseAnswer(), simulator.Unauthenticated())
		payment, err := c.Payments.Create(t.Context(), p)
		require.NoError(t, err)
		w.sim.Script(simulator.Repeated(simulator.Unauthenticated(), 9))
		_, refused := c.Payments.Create(t.Context(), w.params("order-2"))
		require.ErrorIs(t, refused, payonce.ErrRejected)
		w.sim.ClearScript()
		w.sim.Script(simulator.Repeated(simulator.LoginPage(), 9))
		_, unknown := c.Payments.Create(t.Context(), w.params("order-3"))
		require.ErrorIs(t, unknown, payonce.ErrOutcomeUnknown)
		require.NoError(t, c.Close())

		credentials := map[string]string{"client secret": "secret_test_example", "signature": cheapSignature}
		for _, r := range w.sim.Requests() {
			if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
				credentials["token"] = token
			}
			if signature := r.Header.Get("Tl-Signature"); signature != "" {
				credentials["signature header"] = signature
			}
		}
		require.Len(t, credentials, 4)
		bearers := map[string]string{"resource token": payment.ClientToken.Reveal(), "payer's page": payment.NextURL.Reveal()}
		require.NotEmpty(t, bearers["resource token"])
		require.NotEmpty(t, bearers["payer's page"])

		shown := log.String()
		for _, v := range []any{payment, *payment, refused, unknown, c, w.provider, *w.provider.(*truelayer.Provider), truelayer.Config{ClientSecret: "secret_test_example", SigningKeyPEM: cheapSignature}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				shown += fmt.Sprintf(verb, v)
			}
			if text, err := json.Marshal(v); err == nil {
				shown += string(text)
			}
		}
		file := everything(t, dir)
		columns := visible(t, filepath.Join(dir, "payments.db"))
		for name, secret := range credentials {
			assert.False(t, strings.Contains(shown, secret), "%s is shown", name)
			assert.False(t, strings.Contains(file, secret), "%s is in the database's files", name)
		}
		for name, secret := range bearers {
			assert.False(t, strings.Contains(shown, secret), "%s is shown", name)
			assert.False(t, strings.Contains(columns, secret), "%s is outside of the stored body", name)
		}
		assert.Contains(t, file, bearers["resource token"], "it is in the stored body, or this test proves nothing")
	})
}

// everything reads all files of the database.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}

// visible returns what is in the columns of all tables, but for the bodies.
func visible(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	var all strings.Builder
	for _, table := range []string{"payonce_meta", "payonce_operation", "payonce_progress", "payonce_outcome"} {
		dump(t, db, table, &all)
	}
	require.NotEmpty(t, all.String())
	return all.String()
}

// dump writes the columns of a table, but for the body.
func dump(t *testing.T, db *sql.DB, table string, all *strings.Builder) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "select * from "+table)
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, targets := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		for i, name := range names {
			if text, ok := values[i].([]byte); ok && name != "body" {
				all.Write(text)
			} else if name != "body" {
				fmt.Fprintln(all, values[i])
			}
		}
	}
	require.NoError(t, rows.Err())
}
