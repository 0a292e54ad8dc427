// Package documentsim simulates as much of S3 and of SSM's Parameter Store as reading one document needs, spoken over
// HTTP: GetObject and HeadObject at path-style addresses in REST-XML, and GetParameter in AWS JSON 1.1.
//
// A [Sim] is a plain [http.Handler]; documents are put with its methods. Credentials are not looked at. What it does
// not simulate answers 501 with code NotSimulated.
package documentsim

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// Versioning is what a bucket does with what is replaced.
type Versioning int

// The states of a bucket's versioning.
const (
	Unversioned Versioning = iota // it was never turned on
	Enabled
	Suspended // what is put takes over the version "null"
)

// Sim holds buckets and parameters. The zero value is ready. Its methods may be called at once; Dial is set before the
// first request.
type Sim struct {
	// Dial adds latency and faults; nil adds none. The path is the object's, or "/GetParameter".
	Dial *fault.Dial

	mu         sync.Mutex
	buckets    map[string]*bucket
	parameters map[string][]string // values, oldest first
	denied     map[string]bool
	count      int
	reads      map[string]int
}

type bucket struct {
	versioning Versioning
	objects    map[string][]version // oldest first
}

type version struct {
	id      string
	content []byte
	deleted bool // a delete marker
}

func (v version) etag() string {
	sum := md5.Sum(v.content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// SetBucket makes a bucket, or changes the versioning of one that is there.
func (s *Sim) SetBucket(name string, v Versioning) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets == nil {
		s.buckets = map[string]*bucket{}
	}
	if b := s.buckets[name]; b != nil {
		b.versioning = v
		return
	}
	s.buckets[name] = &bucket{versioning: v, objects: map[string][]version{}}
}

// Put stores an object and returns its version id, "" where the bucket has no versions.
func (s *Sim) Put(bucket, key string, content []byte) (id string, err error) {
	return s.put(bucket, key, version{content: content})
}

// Delete removes an object; where there are versions it puts a delete marker on top of them.
func (s *Sim) Delete(bucket, key string) error {
	_, err := s.put(bucket, key, version{deleted: true})
	return err
}

func (s *Sim) put(name, key string, v version) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return "", fmt.Errorf("documentsim: put: there is no bucket %s", name)
	}
	old := b.objects[key]
	if b.versioning == Enabled {
		s.count++
		v.id = fmt.Sprintf("v%031d", s.count)
	} else {
		v.id = "null"
		var kept []version
		for _, o := range old {
			if o.id != "null" {
				kept = append(kept, o)
			}
		}
		old = kept
	}
	b.objects[key] = append(old, v)
	if b.versioning == Unversioned {
		return "", nil
	}
	return v.id, nil
}

// PutParameter stores a parameter's value and returns its version.
func (s *Sim) PutParameter(name, value string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parameters == nil {
		s.parameters = map[string][]string{}
	}
	s.parameters[name] = append(s.parameters[name], value)
	return len(s.parameters[name])
}

// Deny takes a permission away: s3:GetObject, s3:ListBucket, ssm:GetParameter or kms:Decrypt.
func (s *Sim) Deny(action string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.denied == nil {
		s.denied = map[string]bool{}
	}
	s.denied[action] = true
}

// Allow gives a permission back.
func (s *Sim) Allow(action string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.denied, action)
}

// Reads is how many contents have been given out, for an object by "bucket/key", for a parameter by its name.
func (s *Sim) Reads(document string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[document]
}

// read counts a content given out. s.mu is held.
func (s *Sim) read(document string) {
	if s.reads == nil {
		s.reads = map[string]int{}
	}
	s.reads[document]++
}

// ServeHTTP answers one request to either service; SSM's are told by their X-Amz-Target.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve, busy := s.serveObject, s.writeBusyObject
	if action, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM."); ok {
		serve, busy = s.serveParameter, s.writeBusyParameter
		r = r.Clone(r.Context())
		r.URL.Path = "/" + action
	}
	if s.Dial == nil {
		serve(w, r)
		return
	}
	s.Dial.Wrap(http.HandlerFunc(serve), func(w http.ResponseWriter, r *http.Request, _ int, _ time.Duration) { busy(w, r) }).ServeHTTP(w, r)
}

var _ http.Handler = (*Sim)(nil)
