using System.Text.Json.Nodes;
using MergeTasks.TestSupport;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Tests.Golden;

/// <summary>A copy of a golden model's folder with some configuration fields changed, deleted with this object.</summary>
internal sealed class ChangedModel : IDisposable
{
    public ChangedModel(string name, string changes)
    {
        Folder = Directory.CreateTempSubdirectory("mergetasks-changed").FullName;
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(GoldenModel.FolderOf(name), "config.json")))!.AsObject();
        foreach (var (key, value) in JsonNode.Parse(changes)!.AsObject())
            config[key] = value?.DeepClone();
        File.WriteAllText(Path.Combine(Folder, "config.json"), config.ToJsonString());
        File.Copy(Path.Combine(GoldenModel.FolderOf(name), "model.safetensors"), Path.Combine(Folder, "model.safetensors"));
    }

    public string Folder { get; }

    public ITransformerModel Load(string engine = "cpu", EngineOptions? options = null) => TestedEngines.Open(engine, options).Load(Folder);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
