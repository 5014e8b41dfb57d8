#!/bin/bash
# Whether the API server of this node is ready, which the node's balancer knows.
exec 2> /dev/null
exec 3<> /dev/tcp/{{host}}/{{port}} || exit
printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
