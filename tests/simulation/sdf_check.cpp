// Loads a world with libsdformat: errors, then every link and frame with mass and pose in its model.
#include <iomanip>
#include <iostream>
#include <sdf/sdf.hh>

template <typename Part> void Tell(const char *kind, const std::string &model, const Part *part, double mass)
{
  auto pose = part->SemanticPose();
  std::decay_t<decltype(part->RawPose())> at;
  for (const auto &error : pose.Resolve(at, "__model__")) { std::cout << "error " << error << "\n"; }
  std::cout << kind << " " << model << " " << part->Name() << " " << mass << " " << at.Pos().X() << " "
            << at.Pos().Y() << " " << at.Pos().Z() << " " << at.Rot().X() << " " << at.Rot().Y() << " "
            << at.Rot().Z() << " " << at.Rot().W() << "\n";
}

int main(int, char **argv)
{
  std::cout << std::setprecision(12);
  sdf::Root root;
  for (const auto &error : root.Load(argv[1])) { std::cout << "error " << error << "\n"; }
  const auto *world = root.WorldByIndex(0);
  for (std::uint64_t m = 0; world && m < world->ModelCount(); ++m) {
    const auto *model = world->ModelByIndex(m);
    for (std::uint64_t i = 0; i < model->LinkCount(); ++i) {
      const auto *link = model->LinkByIndex(i);
      Tell("link", model->Name(), link, link->Inertial().MassMatrix().Mass());
    }
    for (std::uint64_t i = 0; i < model->FrameCount(); ++i) {
      Tell("frame", model->Name(), model->FrameByIndex(i), 0.0);
    }
  }
}
