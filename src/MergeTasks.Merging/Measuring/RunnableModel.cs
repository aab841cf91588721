using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A model that scoring runs: one of the inputs, or an input with some parameters of the base in it. The latter is the base as a
/// classifier's task sees it, when the base has no such head: everything is the base's but the head.
/// </summary>
/// <param name="Model">The input that gives configuration, head and everything that is not replaced.</param>
/// <param name="Description">What it computes.</param>
/// <param name="PutIn">The input whose parameters replace the model's; <see langword="null"/> for none.</param>
/// <param name="Replaced">Names of the replaced parameters, in ordinal order.</param>
internal sealed record RunnableModel(ModelInput Model, ModelDescription Description, ModelInput? PutIn, IReadOnlyList<string> Replaced)
{
    /// <summary>The ingredients that identify it: weights and configuration, by content.</summary>
    public IEnumerable<KeyValuePair<string, string>> Identity(CancellationToken cancellation)
    {
        var replaced = Replaced.ToHashSet(StringComparer.Ordinal);
        var tensors = Model.Names.Select(name => $"{(replaced.Contains(name) ? PutIn! : Model).Identity(name, cancellation)} {name}\n");
        yield return new("weights", ContentDigest.Of(tensors).ToString());
        yield return new("config", ContentDigest.Of(Model.Config.Text).ToString());
    }

    /// <summary>Opens it.</summary>
    public LoadedModel Load(ITransformerEngine engine)
    {
        if (PutIn is null && Model.IsStored)
        {
            var stored = engine.Load(Model.Folder);
            return new LoadedModel(stored, [stored]);
        }

        var values = new Values();
        try
        {
            var (replaced, unused) = (
                Replaced.ToHashSet(StringComparer.Ordinal), Description.UnusedTensors.ToHashSet(StringComparer.Ordinal));
            var tensors = Model.Names
                .Where(name => !unused.Contains(name))
                .ToDictionary(name => name, name => values.Of(replaced.Contains(name) ? PutIn! : Model, name), StringComparer.Ordinal);
            var model = engine.Load(Model.Folder, Model.Config.Text, tensors);
            return new LoadedModel(model, [model, values]);
        }
        catch
        {
            values.Dispose();
            throw;
        }
    }

    // Tensors that lie in a file are mapped; what is quantised, or an adapter changes, or another vocabulary, is computed when it is used.
    private sealed class Values : IDisposable
    {
        private readonly Dictionary<ModelInput, (Lazy<MappedWeights> Map, HashSet<string> Computed)> _models = [];
        private readonly List<ParameterValue> _computed = [];

        public ParameterValue Of(ModelInput input, string name)
        {
            var (model, own) = input.Origin(name);
            if (!_models.TryGetValue(model, out var known))
            {
                _models[model] = known = (
                    new Lazy<MappedWeights>(() => new MappedWeights(model.Weights)), model.Computed.ToHashSet(StringComparer.Ordinal));
            }

            if (!known.Computed.Contains(own))
                return ParameterValue.FromMap(known.Map.Value, model.Weights.Find(own)!);
            var value = ParameterValue.Computed(model.Find(own)!.Shape, () => ReaderOf(model, own));
            _computed.Add(value);
            return value;
        }

        public void Dispose()
        {
            foreach (var value in _computed)
                value.Release();
            foreach (var (map, _) in _models.Values.Where(model => model.Map.IsValueCreated))
                map.Value.Dispose();
        }

        private static ElementReader ReaderOf(ModelInput input, string name)
        {
            var reader = input.Open(name).NewReader(new WindowMemory());
            return (start, destination) =>
            {
                for (var done = 0; done < destination.Length; done += StoredTensor.WindowLength)
                {
                    var part = destination.Slice(done, Math.Min(StoredTensor.WindowLength, destination.Length - done));
                    reader.Read(start + done, part, start + destination.Length);
                }
            };
        }
    }
}

/// <summary>An open model with everything that it reads from.</summary>
internal sealed class LoadedModel(ITransformerModel model, IReadOnlyList<IDisposable> owned) : IDisposable
{
    /// <summary>The model.</summary>
    public ITransformerModel Model => model;

    public void Dispose()
    {
        foreach (var item in owned)
            item.Dispose();
    }
}
