package document

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/postroom/postroom/core/pipeline"
)

// etagPrefix begins the versions of an object whose bucket keeps none: they name a content, which can be had only as long
// as nobody replaces it, unless versioning is turned on first.
const etagPrefix = "etag:"

// object is a document in S3.
type object struct {
	client      S3
	bucket, key string
}

func (o *object) latest(ctx context.Context, have string) (string, []byte, error) {
	in := o.get()
	if etag, ok := strings.CutPrefix(have, etagPrefix); ok {
		in.IfNoneMatch = &etag
	} else if have != "" {
		// Of an object with versions only the header is read. Its ETag would do too, but tells nothing of a content
		// that was replaced and then put back. Why a HEAD request is refused is not told, so the GET below asks again.
		head, err := o.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: &o.key})
		if err != nil && status(err)/100 != 3 && status(err)/100 != 4 {
			return "", nil, err
		}
		if err == nil && aws.ToString(head.VersionId) == have {
			return have, nil, nil
		}
	}
	out, err := o.client.GetObject(ctx, in, quiet)
	if status(err) == 304 {
		return have, nil, nil
	}
	if err != nil {
		return "", nil, o.typed(err)
	}
	content, err := o.read(out)
	if err != nil {
		return "", nil, err
	}
	return version(out), content, nil
}

func (o *object) at(ctx context.Context, version string) ([]byte, error) {
	in := o.get()
	etag, unversioned := strings.CutPrefix(version, etagPrefix)
	if unversioned {
		in.IfMatch = &etag
	} else {
		in.VersionId = &version
	}
	out, err := o.client.GetObject(ctx, in, quiet)
	if unversioned && status(err) == 412 {
		// If versioning has been turned on since, the bucket keeps it as the version "null".
		in.VersionId = aws.String("null")
		out, err = o.client.GetObject(ctx, in, quiet)
	}
	if unversioned && (status(err) == 412 || code(err) == "NoSuchVersion") {
		return nil, &pipeline.Permanent{What: "it has been replaced", Fix: "turn on versioning of the bucket " + o.bucket + ", so that what is replaced is kept"}
	}
	if err != nil {
		return nil, o.typed(err)
	}
	return o.read(out)
}

func (o *object) get() *s3.GetObjectInput {
	return &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key}
}

// quiet keeps the SDK from a line on standard error, between the JSON of ours, for each object that was put without a
// checksum.
func quiet(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }

// version is the version id of what was read. Where versioning was never turned on there is none, and where it is
// suspended it is "null", which the next content takes over: then it is the ETag.
func version(out *s3.GetObjectOutput) string {
	if v := aws.ToString(out.VersionId); v != "" && v != "null" {
		return v
	}
	return etagPrefix + aws.ToString(out.ETag)
}

func (o *object) read(out *s3.GetObjectOutput) ([]byte, error) {
	defer out.Body.Close()
	content, err := io.ReadAll(io.LimitReader(out.Body, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(content) > MaxSize {
		return nil, &pipeline.Permanent{What: fmt.Sprintf("it has more than %d bytes", MaxSize), Fix: "put the right file under this key"}
	}
	return content, nil
}

// status is the HTTP status of a refusal, or 0.
func status(err error) int {
	var r *smithyhttp.ResponseError
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}

// typed tells what somebody must mend from what may pass by itself.
func (o *object) typed(err error) error {
	permanent := func(what, fix string) error {
		return &pipeline.Permanent{What: what, Fix: fix, Err: short(err)}
	}
	switch code(err) {
	case "NoSuchBucket":
		return permanent("there is no bucket "+o.bucket, "create it, or name the right one in POSTROOM_MANIFEST")
	case "NoSuchVersion":
		return permanent("the bucket has no such version", "let no lifecycle rule end old versions of this key; the next version is read as soon as it is put")
	case "InvalidArgument":
		return permanent("S3 takes this for no version of an object", "put the object again; its next version is read then")
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return permanent("the bucket "+o.bucket+" is in another region", "use a bucket in the region of the functions")
	case "InvalidObjectState":
		return permanent("the object is in an archive", "put the file again, and let no lifecycle rule move this key to another storage class")
	case "RequestTimeTooSkewed", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return err // refused with 403 too, but it is the clock or the credentials, which the next try has anew
	case "KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException":
		return permanent("the object's KMS key cannot be used", "enable the key again, or put the object again with another")
	}
	switch status(err) {
	case 301:
		return permanent("the bucket "+o.bucket+" is in another region", "use a bucket in the region of the functions")
	case 404:
		return permanent("the bucket "+o.bucket+" has no object "+o.key, "put the file there: aws s3 cp postroom.yaml s3://"+o.bucket+"/"+o.key)
	case 403:
		return permanent("S3 refuses to give it out", "allow s3:GetObject, s3:GetObjectVersion and, where the object has a KMS key, kms:Decrypt to the function's role; without s3:ListBucket a missing object is refused like this, too")
	}
	return err
}

// code is the API's error code, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// short is an API error without the SDK's account of the request around it.
func short(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	if api.ErrorMessage() == "" || api.ErrorMessage() == api.ErrorCode() {
		return errors.New(api.ErrorCode())
	}
	return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
}
