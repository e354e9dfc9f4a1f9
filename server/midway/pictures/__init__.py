"""Pictures that came from outside: checked by their structure, decoded in processes of their own."""
