using MergeTasks.Caching;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>The statistics of its models that a method wants, one for each.</summary>
/// <param name="Models">Index among the merge's inputs, and the statistic.</param>
internal sealed record StatisticsPlan(IReadOnlyList<(int Input, PlannedStatistic Statistic)> Models)
{
    /// <summary>The statistics as inputs of a tensor's merge, where every model has one for it.</summary>
    /// <param name="sources">The tensor's sources, which are added to.</param>
    /// <param name="models">Of each input of the method, the index of its model among those of the merge.</param>
    /// <param name="context">The method's parameters, which learn where to read them.</param>
    internal TensorContext Attach(List<TensorSource> sources, IReadOnlyList<int> models, TensorContext context)
    {
        var tensors = context.Inputs.Index().Where(pair => !pair.Item.IsBase).Select(pair => (
            Input: pair.Index,
            Models.FirstOrDefault(model => model.Input == models[pair.Index]).Statistic,
            Name: (sources[pair.Index] as ModelTensor)?.Tensor)).ToList();
        if (tensors.Count == 0
            || !tensors.TrueForAll(tensor => tensor.Name is not null && tensor.Statistic?.Tensors.ContainsKey(tensor.Name) == true))
            return context;
        var inputs = context.Inputs.ToArray();
        foreach (var (input, statistic, name) in tensors)
        {
            inputs[input] = inputs[input] with { Statistic = sources.Count };
            sources.Add(new StatisticTensor(statistic!, name!));
        }

        return context with { Inputs = inputs, IsStoredByInput = tensors[0].Statistic!.Tensors[tensors[0].Name!]?.StoredByInput == true };
    }

    private sealed record StatisticTensor(PlannedStatistic Statistic, string Name) : TensorSource(DType.F32)
    {
        public override ContentDigest Identity(CancellationToken cancellation) =>
            ContentDigest.Of($"{Statistic.Request.Key.Digest} {Name}");

        public override TensorContent Open() => Statistic.Open(Name);
    }
}

/// <summary>One model's statistic, in a file once it is computed.</summary>
/// <param name="Request">How it is computed.</param>
/// <param name="Tensors">The model's tensors that have one, and the modules that they belong to where it is theirs.</param>
internal sealed record PlannedStatistic(ScoreRequest Request, IReadOnlyDictionary<string, ModuleDescription?> Tensors) : IDisposable
{
    private SafetensorsFile? _file;

    /// <summary>Opens the file.</summary>
    internal void Load(string path) => _file = SafetensorsFile.Open(path);

    /// <summary>The statistic of a tensor.</summary>
    internal TensorContent Open(string name)
    {
        var file = _file ?? throw new InvalidOperationException("A statistic is read before it is loaded.");
        return new StoredTensor(file, file.Header.Tensors.First(tensor => tensor.Name == name));
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();
}
