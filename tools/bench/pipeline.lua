-- wrk script: 16 requests in one write; wrk counts each of the 16 answers.
init = function(args)
  local one = wrk.format("GET")
  local all = {}
  for i = 1, 16 do all[i] = one end
  batch = table.concat(all)
end

request = function() return batch end
