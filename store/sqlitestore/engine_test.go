package sqlitestore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"

	"github.com/ncruces/go-sqlite3"
	ncruces "github.com/ncruces/go-sqlite3/driver"
)

// The store runs on a second SQLite library here, whose files can be made to fail: see faultydisk_test.go.

// otherEngine returns what opens connections by that library, over one of its VFSes.
func otherEngine(vfs string) func(dsn string) (driver.Connector, error) {
	return func(dsn string) (driver.Connector, error) {
		dsn = strings.ReplaceAll(dsn, "&_defensive=1&_error_rc=1", "&vfs="+vfs) // which only the store's own library knows
		connector, err := new(ncruces.SQLite).OpenConnector(dsn)
		return otherConnector{connector}, err
	}
}

// codedError is an error of that library with the method that errors of the store's own library have.
type codedError struct {
	error
	code int
}

func (e codedError) Code() int     { return e.code }
func (e codedError) Unwrap() error { return e.error }

func coded(err error) error {
	if code, ok := errors.AsType[sqlite3.ErrorCode](err); ok {
		return codedError{err, int(code)}
	}
	return err
}

type otherConnector struct{ driver.Connector }

func (c otherConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, coded(err)
	}
	return otherConn{conn}, nil
}

type otherConn struct{ driver.Conn }

func (c otherConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, coded(err)
	}
	return otherStmt{stmt}, nil
}

func (c otherConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return tx, coded(err)
}

func (c otherConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	return res, coded(err)
}

func (c otherConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.(otherStmt).QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, stmt.Close())
	}
	return onceRows{rows, stmt}, nil
}

type otherStmt struct{ driver.Stmt }

func (s otherStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return res, coded(err)
}

func (s otherStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, coded(err)
	}
	return otherRows{rows}, nil
}

type otherRows struct{ driver.Rows }

func (r otherRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return coded(err)
}

// onceRows close their statement.
type onceRows struct {
	driver.Rows
	stmt driver.Stmt
}

func (r onceRows) Close() error { return errors.Join(r.Rows.Close(), r.stmt.Close()) }
