std = 'ngx_lua'
max_line_length = 120
max_cyclomatic_complexity = 15
