// Package document reads one document that is kept with versions: an object in S3, or a parameter of SSM's Parameter
// Store. Postroom's manifest on AWS is one.
//
// An object is named s3://BUCKET/KEY, and its bucket should keep versions: only then can [Document.At] give back a
// version that has been replaced. A parameter is named ssm:/NAME; it keeps its last 100 versions by itself, but holds
// only 4 KB, or 8 KB in the advanced tier.
//
// What somebody must mend before the document can be read is a *pipeline.Permanent that says how.
package document

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// MaxSize is the most bytes a document may have. A manifest of a thousand mailboxes has less than a tenth of it.
const MaxSize = 5 << 20

// S3 is what is needed of the SDK's client for an object. The function's role needs s3:GetObject and
// s3:GetObjectVersion on the key, and s3:ListBucket on the bucket for a missing key to be told from a refusal.
type S3 interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(ctx context.Context, in *s3.HeadObjectInput, options ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// SSM is what is needed of the SDK's client for a parameter. The function's role needs ssm:GetParameter on it, and
// kms:Decrypt on its key where it is a SecureString.
type SSM interface {
	GetParameter(ctx context.Context, in *ssm.GetParameterInput, options ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

var (
	_ S3  = (*s3.Client)(nil)
	_ SSM = (*ssm.Client)(nil)
)

// Document is one document. Its methods may be repeated and called at once.
type Document struct {
	uri string
	source
}

// source is where a document is kept.
type source interface {
	latest(ctx context.Context, have string) (version string, content []byte, err error)
	at(ctx context.Context, version string) ([]byte, error)
}

var (
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	parameterName = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)
)

// Open makes ready to read the document of that name. It sends nothing. The client of the kind that is not named may be nil.
func Open(uri string, objects S3, parameters SSM) (*Document, error) {
	if name, ok := strings.CutPrefix(uri, "ssm:"); ok {
		if !parameterName.MatchString(name) || len(name) > 1011 || strings.HasPrefix(name, "//") || strings.Contains(name, "/") && name[0] != '/' {
			return nil, fmt.Errorf("document: %q: write ssm:/NAME, with letters, digits and _ . - / in the name", uri)
		}
		return &Document{uri, &parameter{client: parameters, name: name}}, nil
	}
	if path, ok := strings.CutPrefix(uri, "s3://"); ok {
		bucket, key, _ := strings.Cut(path, "/")
		if !bucketName.MatchString(bucket) || key == "" {
			return nil, fmt.Errorf("document: %q: write s3://BUCKET/KEY", uri)
		}
		return &Document{uri, &object{client: objects, bucket: bucket, key: key}}, nil
	}
	return nil, fmt.Errorf("document: %q: write s3://BUCKET/KEY or ssm:/NAME", uri)
}

// String is the document's name as Open took it.
func (d *Document) String() string { return d.uri }

// Latest reads the version that is valid now. Where that is still have, content is nil and little or nothing has been
// transferred; have may be empty, or come from another document. Else content is not nil, even if the document is empty.
func (d *Document) Latest(ctx context.Context, have string) (version string, content []byte, err error) {
	version, content, err = d.latest(ctx, have)
	if err != nil {
		return "", nil, fmt.Errorf("document: read %s: %w", d.uri, err)
	}
	return version, content, nil
}

// At reads a version that Latest has told of, whatever has been written since.
func (d *Document) At(ctx context.Context, version string) ([]byte, error) {
	content, err := d.at(ctx, version)
	if err != nil {
		return nil, fmt.Errorf("document: read version %s of %s: %w", version, d.uri, err)
	}
	return content, nil
}
