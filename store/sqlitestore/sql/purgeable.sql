select operation from progress
where purged = 0 and (state = 1 or (key_spent = 1 and (state = 2 or state = 3))) and changed_at < ?
order by changed_at, operation
limit ?
