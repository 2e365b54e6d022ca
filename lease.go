package payonce

import (
	"context"
	"log/slog"
)

// renewLeases keeps the leases of long calls alive until the client is closed. It rests while there are none.
func (c *Client) renewLeases(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.flights.busy:
		}
		for pause(ctx, c.lease/3) == nil {
			ids := c.flights.leased()
			if len(ids) == 0 {
				break
			}
			asked := c.clock.instant()
			if err := c.store.Renew(ctx, c.holder, c.lease, ids); err == nil {
				c.flights.renewed(asked, c.lease-c.lease/5, ids)
			} else if ctx.Err() == nil {
				c.log.LogAttrs(ctx, slog.LevelWarn, "leases could not be renewed", slog.Int("count", len(ids)), slog.Any("error", err))
			}
		}
	}
}

// leaseLost says that somebody else may have the operation's lease by now: a holder stops before the store's clock says so.
func (c *Client) leaseLost(id OperationID) bool {
	since, ok := c.flights.leasedSince(id)
	return ok && c.clock.since(since) > c.lease-c.lease/5
}
