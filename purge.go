package payonce

import (
	"context"
	"log/slog"
	"time"
)

const (
	// purgeEvery is how often the background run looks for bodies whose time is over, purgeBatch how many it forgets at once.
	purgeEvery = time.Hour
	purgeBatch = 200
)

// purgeByItself forgets the bodies of what was finished longer ago than retention, little by little, until the client is closed.
func (c *Client) purgeByItself(ctx context.Context, retention time.Duration) {
	for pause(ctx, purgeEvery) == nil {
		for n := purgeBatch; n == purgeBatch && c.clock.unsure(purgeEvery) == 0; {
			var err error
			if n, err = c.store.Purge(ctx, c.clock.now().Add(-retention), purgeBatch); err != nil && ctx.Err() == nil {
				c.log.LogAttrs(ctx, slog.LevelWarn, "bodies could not be purged", slog.Any("error", err))
			}
			if n > 0 {
				c.log.LogAttrs(ctx, slog.LevelInfo, "bodies purged", slog.Int("count", n))
				_ = pause(ctx, time.Second) // callers' writes come first
			}
		}
	}
}
