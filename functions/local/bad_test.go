package local_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/local"
)

// TestBadManifest puts a manifest with a mistake. One line says where it is; the last good one goes on, also in processes that
// have never seen it, and the next good one is taken up.
func TestBadManifest(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	s.put(twoMailboxes + "  broken@contoso.com: {provider: outlook, name: Broken}\n")
	s.sync.Kill() // a process in memory of the good one would not be asked
	mail := map[inbox.MailboxID][]inbox.MessageID{support: {s.receive(support, letter(1))}, hello: {s.receive(hello, letter(2))}}
	s.deliver()
	s.settle(1)
	s.settled(mail)
	if lines := s.sync.Log.Lines(`"level":"ERROR"`); len(lines) != 1 || len(s.sync.Log.Lines("manifest refused", "s3://config/postroom.yaml", "line 10")) != 1 {
		t.Errorf("the log says %q", lines)
	}
	if len(s.sync.Log.Lines(`"ManifestRefused":1`)) == 0 {
		t.Errorf("no metric says that the manifest was refused\n%s", s.sync.Log.String())
	}
	s.put(twoMailboxes)
	s.sync.Kill()
	refused := len(s.sync.Log.Lines(`"level":"ERROR"`))
	s.hint(support)
	s.settle(1)
	if n := len(s.sync.Log.Lines(`"level":"ERROR"`)); n != refused {
		t.Errorf("mended, it is refused still\n%s", s.sync.Log.String())
	}
}

// TestMissing names a table or a manifest that is not there. Nothing is lost: the hints come back, one line says what to mend,
// and once it is mended the mail is worked.
func TestMissing(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]string{"POSTROOM_TABLE": "nowhere-to-be-found", "POSTROOM_MANIFEST": "s3://config/absent.yaml"} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			s := watched(t, twoMailboxes)
			mail := map[inbox.MailboxID][]inbox.MessageID{support: {s.receive(support, letter(1))}}
			s.deliver()
			waiting := s.waiting(hints)
			f := &local.Function{Name: "SyncFunction", Binary: s.sync.Binary, Env: maps.Clone(s.sync.Env)}
			t.Cleanup(f.Close)
			f.Env[variable] = value
			s.mapping.Function = f
			s.work(1)
			if n := s.waiting(hints); n != waiting || waiting == 0 {
				t.Errorf("%d of %d hints are there", n, waiting)
			}
			lines := f.Log.Lines(`"level":"ERROR"`)
			if len(lines) != 1 || len(f.Log.Lines(`"level":"ERROR"`, strings.TrimPrefix(value, "s3://"))) != 1 {
				t.Errorf("the log says %q", lines)
			}
			s.mapping.Function = s.sync
			s.settle(1)
			s.settled(mail)
		})
	}
}
