"""Files from an S3 server on this machine: the fetcher beside boto3 and s5cmd."""
