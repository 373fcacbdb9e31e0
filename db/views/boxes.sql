-- One row a box that a detector drew on a picture or on the best frame of a clip, under the batch's current models: the starter
-- detector's, or those of an imported file. Reviews do not change this view.
SELECT
    m.sha256 AS media_id, -- the picture
    b.name AS batch, -- the card that brought it first
    x.position AS box, -- number on its picture, from 0, the surest first
    x.category AS observation_type, -- animal, human, vehicle
    x.confidence AS confidence, -- 0-1, the detector's own: no probability
    x.sure AS sure, -- true: from the detector's level up, it counts an animal or person; false: it only says where to look
    x.x AS bbox_x, -- left edge, 0-1 of the upright picture's width
    x.y AS bbox_y, -- upper edge, 0-1 of its height
    x.width AS bbox_width, -- 0-1
    x.height AS bbox_height, -- 0-1
    x.detector AS detector, -- which one drew it
    k.frame_number AS frame_number -- of a clip: the frame that it lies on, from 0; empty: a picture
FROM batch b
JOIN media m ON m.batch_id = b.id
JOIN box x ON x.media_id = m.id AND x.recipe_id = b.look_recipe_id
LEFT JOIN look k ON k.media_id = m.id AND k.recipe_id = x.recipe_id
