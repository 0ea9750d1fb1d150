from .ear import Ear as Ear
from .node import ListeningNode as ListeningNode
