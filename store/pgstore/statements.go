package pgstore

import (
	_ "embed"
	"strings"

	"github.com/jackc/pgx/v5"
)

var (
	//go:embed sql/record.sql
	recordSQL string
	//go:embed sql/list.sql
	listSQL string
	//go:embed sql/insert.sql
	insertSQL string
	//go:embed sql/save.sql
	saveSQL string
	//go:embed sql/renew.sql
	renewSQL string
	//go:embed sql/purge.sql
	purgeSQL string
	//go:embed sql/guard.sql
	guardSQL string
	//go:embed sql/note.sql
	noteSQL string
	//go:embed sql/enlist.sql
	enlistSQL string
)

const (
	ofIdentity   = "where o.account = $1::text and o.kind = $2::text and o.reference = $3::text"
	ofGeneration = ofIdentity + " and o.generation = $4::bigint"
	ofLatest     = ofIdentity + " order by o.generation desc limit 1"
	ofKey        = "where coalesce(o.scope, '') = $1::bytea and o.key = $2::text and o.exclusive"
	keyOwnerSQL  = "select account, kind, reference from {operation} where coalesce(scope, '') = $1::bytea and key = $2::text and exclusive"
	claimTail    = "select version from begun"
	unlockedOnly = "for update of q skip locked"
	notifyTail   = "select (select version from {meta}), current_setting('client_encoding'), pg_notify((select channel from {meta}), '')::text from begun"
	quietTail    = "select (select version from {meta}), current_setting('client_encoding'), '' from begun"
	channelSQL   = "select channel from {meta}"
	historySQL   = "select version, incarnation, {incarnation} from {meta}"
	restoredSQL  = `update {meta} set incarnation = $1::text, restores = restores + case when incarnation = '' then 0 else 1 + floor(random() * 1048576)::bigint end
		where incarnation <> $1::text`
	forgetWritersSQL = `delete from {writer} where id in (
		select id from {writer} where seen_at < {now} - interval '1 day' and id <> $1::text for update skip locked)`
)

// incarnationSQL names the server and the history of it that a transaction writes: another one follows when a standby is promoted or a
// backup is restored, which may lack what was written last. A table has another number when it was restored from a dump.
const incarnationSQL = `concat_ws('/', (select system_identifier from pg_control_system()),
	left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '{quoted operation}'::regclass::oid)`

// unknownIncarnationSQL stands for it where the server does not tell. It fails on a standby, from which no read may be answered.
const unknownIncarnationSQL = "(select case when pg_is_in_recovery() then pg_current_wal_insert_lsn()::text else incarnation end from {meta})"

// versionSQL is a record's version as clients know it: other ones since the server was last found in another history.
const versionSQL = "p.version + ((select restores from {meta} where one) - p.restores) * 4294967296"

// clockSQL is the server's clock: not now(), which is the start of the transaction.
const clockSQL = "clock_timestamp()"

// dialect is how statements name the tables of one schema, the clock, and the server's history.
type dialect struct {
	schema             string // "" is what the search path finds
	clock, incarnation string
}

// text puts names into a statement.
func (d *dialect) text(statement string) string {
	prefix := ""
	if d.schema != "" {
		prefix = pgx.Identifier{d.schema}.Sanitize() + "."
	}
	names := []string{"{now}", d.clock}
	for _, table := range []string{"meta", "writer", "operation", "progress"} {
		name := prefix + "payonce_" + table
		names = append(names, "{"+table+"}", name, "{quoted "+table+"}", strings.ReplaceAll(name, "'", "''"))
	}
	return strings.NewReplacer(names...).Replace(strings.NewReplacer("{version}", versionSQL, "{incarnation}", d.incarnation).Replace(statement))
}

// statements are what a store asks of the server.
type statements struct {
	generation, latest, byKey, list, listDue string
	claim, save, renew, purge, guard, note   string
	enlist, history, restored, forgetWriters string
	channel                                  string
}

func (d *dialect) statements() *statements {
	return &statements{
		generation: d.text(recordSQL + ofGeneration), latest: d.text(recordSQL + ofLatest), byKey: d.text(recordSQL + ofKey),
		list: d.text(recordSQL + strings.Replace(listSQL, "{lock}", "", 1)), listDue: d.text(recordSQL + strings.Replace(listSQL, "{lock}", unlockedOnly, 1)),
		claim: d.text(insertSQL + claimTail), save: d.text(saveSQL), renew: d.text(renewSQL), purge: d.text(purgeSQL),
		guard: d.text(guardSQL), note: d.text(noteSQL),
		enlist: d.text(enlistSQL), history: d.text(historySQL), restored: d.text(restoredSQL), forgetWriters: d.text(forgetWritersSQL),
		channel: d.text(channelSQL),
	}
}
