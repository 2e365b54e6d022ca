package pgstore

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// firstPause and lastPause are how long a listener waits before it connects again.
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// Wake returns a channel that gets a value whenever InsertTx has inserted something, in this process or another, and whenever that may have
// been missed: at first, and when the connection was lost. Values that nobody took are one. It ends with ctx or the store; the channel is
// never closed, and nil with WithoutWake. It uses a connection of its own, outside of the pool but made like the pool's.
func (s *Store) Wake(ctx context.Context) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.quiet || s.over {
		return nil
	}
	wake := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(ctx)
	s.wakers.Go(func() {
		defer cancel()
		select {
		case <-ctx.Done():
		case <-s.closed:
		}
	})
	s.wakers.Go(func() {
		for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
			heard, err := s.listen(ctx, wake)
			if ctx.Err() != nil {
				return
			}
			if heard {
				pause = firstPause
			}
			s.config.logger.LogAttrs(ctx, slog.LevelWarn, "the connection that listens was lost", slog.Any("error", s.explain("listen", err)))
			rest(ctx, pause/2+rand.N(pause/2))
		}
	})
	return wake
}

// rest waits for d or for the end of ctx.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// listen passes on what it hears, until the connection breaks. It reports whether it had one.
func (s *Store) listen(ctx context.Context, wake chan<- struct{}) (heard bool, err error) {
	conn, err := s.connectAlone(ctx)
	if conn != nil {
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // broken, or not needed any more
	}
	if err != nil {
		return false, err
	}
	var channel string
	if err := conn.QueryRow(ctx, s.st.channel).Scan(&channel); err != nil {
		return false, err
	}
	if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return false, err
	}
	for {
		select {
		case wake <- struct{}{}: // also at first: what came before is not heard
		default:
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return true, err
		}
	}
}

// connectAlone opens a connection as the pool does.
func (s *Store) connectAlone(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.patience.pool)
	defer cancel()
	pool := s.pool.Config()
	config := pool.ConnConfig.Copy()
	if pool.BeforeConnect != nil {
		if err := pool.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil && pool.AfterConnect != nil {
		err = pool.AfterConnect(ctx, conn)
	}
	return conn, err
}
