-- What the labeller, or another program in its place, said about each kept picture, under the batch's
-- current label set: its best guess, the name after roll-up, and the reason. Reviews do not change this view.
SELECT
    m.sha256 AS media_id, -- the picture
    b.name AS batch, -- the card that brought it first
    t.observation_type AS observation_type, -- animal, human, vehicle, unknown; blank: only by another program
    t.raw_name AS raw_name, -- best taxon of the label set, however unsure; another program: its own word
    t.raw_probability AS raw_probability, -- of the best taxon, 0-1
    t.name AS scientific_name, -- after roll-up to the rank that is sure; empty: below every bar
    t.rank AS taxon_rank, -- species, genus, family, ...
    t.probability AS probability, -- of that name, 0-1
    t.reason AS reason, -- why this name
    t.top AS top, -- best five taxa with probabilities, JSON
    t.off_list AS off_list, -- would have been there, but for the site list, JSON
    coalesce(t.classified_by, r.source, 'camtriage') AS source -- whose name it is: camtriage, or the other program and its version
FROM batch b
JOIN media m ON m.batch_id = b.id
JOIN label t ON t.media_id = m.id AND t.recipe_id = b.label_recipe_id
JOIN recipe r ON r.id = t.recipe_id
