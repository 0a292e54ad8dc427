package documentsim

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// s3Error is S3's error body.
type s3Error struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

func writeS3Error(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead || status == http.StatusNotModified {
		return
	}
	xml.NewEncoder(w).Encode(s3Error{Code: code, Message: message}) // a caller that has gone need not be told
}

func (s *Sim) writeBusyObject(w http.ResponseWriter, r *http.Request) {
	writeS3Error(w, r, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
}

func (s *Sim) serveObject(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method != http.MethodGet && r.Method != http.MethodHead || key == "" {
		writeS3Error(w, r, http.StatusNotImplemented, "NotSimulated", r.Method+" "+r.URL.Path+" is not simulated")
		return
	}
	b := s.buckets[name]
	if b == nil {
		writeS3Error(w, r, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return
	}
	if s.denied["s3:GetObject"] {
		writeS3Error(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	}
	versions, id := b.objects[key], r.URL.Query().Get("versionId")
	i := len(versions) - 1
	if id != "" {
		i = slices.IndexFunc(versions, func(v version) bool { return v.id == id })
		if i < 0 {
			if !strings.HasPrefix(id, "v") {
				writeS3Error(w, r, http.StatusBadRequest, "InvalidArgument", "Invalid version id specified")
				return
			}
			writeS3Error(w, r, http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.")
			return
		}
	}
	if i >= 0 && versions[i].deleted && b.versioning != Unversioned {
		w.Header().Set("x-amz-delete-marker", "true")
		w.Header().Set("x-amz-version-id", versions[i].id)
	}
	if i < 0 || versions[i].deleted {
		if s.denied["s3:ListBucket"] {
			writeS3Error(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
			return
		}
		writeS3Error(w, r, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	v := versions[i]
	if b.versioning != Unversioned {
		w.Header().Set("x-amz-version-id", v.id)
	}
	w.Header().Set("ETag", v.etag())
	if match := r.Header.Get("If-Match"); match != "" && match != v.etag() {
		writeS3Error(w, r, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	if r.Header.Get("If-None-Match") == v.etag() {
		writeS3Error(w, r, http.StatusNotModified, "NotModified", "")
		return
	}
	w.Header().Set("Content-Type", "binary/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(v.content)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		s.read(name + "/" + key)
		w.Write(v.content)
	}
}
