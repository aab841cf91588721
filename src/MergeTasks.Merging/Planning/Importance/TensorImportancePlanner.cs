using System.Globalization;
using System.Text;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Measuring;
using MergeTasks.Merging.Planning.Layout;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Importance;

/// <summary>Works out what AIM and APL do to each tensor of one merge.</summary>
internal sealed class TensorImportancePlanner
{
    private readonly MergeDeclaration _merge;
    private readonly ImportancePlan _plan;
    private readonly Dictionary<int, HashSet<string>> _dropped = [];
    private readonly string _weightsKey = "";
    private readonly Dictionary<int, string> _dropKeys = [];
    private readonly string _relaxKey = "";
    private readonly string _contributionKey = "";

    public TensorImportancePlanner(MergeDeclaration merge, ImportancePlan plan)
    {
        (_merge, _plan) = (merge, plan);
        if (plan.Apl is { } apl)
        {
            if (apl.Declaration.DropLevel is not null)
                _dropped = apl.Models.ToDictionary(
                    model => model.Index,
                    model => model.Scores.Partition.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal));
            _dropKeys = apl.Models.ToDictionary(model => model.Index, model => DropKey(apl, model));
            if (apl.Declaration.SetsWeights)
                _weightsKey = string.Create(
                    CultureInfo.InvariantCulture,
                    $"weights tau0={apl.Declaration.Tau0:R} {Keys(apl.Models.SelectMany(model => model.Scores.Deciding(apl.Declaration)))}\n");
        }

        if (plan.Aim is { } aim)
        {
            if (aim.Activations is { } activations)
                _relaxKey = string.Create(
                    CultureInfo.InvariantCulture,
                    $"relax omega={aim.Declaration.Omega:R} {aim.Declaration.Normalization} {aim.Declaration.Scaling} "
                        + $"kappa={aim.Declaration.Kappa:R} {activations.Key.Digest}\n");
            if (aim.Participants.Count > 0)
                _contributionKey =
                    $"contributions {aim.Declaration.Normalization} {Keys(aim.Participants.Select(participant => participant.Request))}\n";
        }
    }

    /// <summary>Plans one tensor.</summary>
    /// <param name="tensor">Where it comes from.</param>
    /// <param name="output">The tensor.</param>
    /// <param name="sources">What the method reads; the base's tensor is added where it is not among them.</param>
    /// <param name="context">The method's parameters: where APL drops, the method's own sparsifier does not.</param>
    public TensorImportance? Plan(LayoutTensor tensor, TensorSpec output, List<TensorSource> sources, ref TensorContext context)
    {
        var models = _plan.ModelsOf(tensor.Part);
        var baseName = _plan.BaseTensorOf(tensor);
        var hasBase = baseName is not null;
        var inputs = Enumerable.Range(0, context.Inputs.Count).ToList();
        var dropped = hasBase ? inputs.FindAll(i =>
            IsOf(baseName!, tensor.Sources[i]) && _dropped.TryGetValue(models[i], out var names) && names.Contains(baseName!)) : [];
        var isModule = hasBase && _plan.Aim?.Modules.ContainsKey(baseName!) == true;
        var participants = _plan.Aim?.Participants.Select(participant => participant.Input).ToList() ?? [];
        var contributing = isModule
            ? inputs.FindAll(i => participants.Contains(models[i]) && tensor.Sources[i].Tensor == baseName)
            : [];
        var isRelaxed = isModule && _plan.Aim!.Activations is not null;
        var key = new StringBuilder(_weightsKey);
        foreach (var input in dropped)
            key.Append(_dropKeys[models[input]]);
        if (contributing.Count > 0)
            key.Append(_contributionKey);
        if (isRelaxed)
            key.Append(_relaxKey);
        var isScaled = hasBase && _plan.Factor is not null;
        if (isScaled && _plan.Factor!.Declaration.Value is { } factor)
            key.Append(string.Create(CultureInfo.InvariantCulture, $"factor {factor:R}\n"));
        if (key.Length == 0 && !isScaled)
            return null;
        if (!_merge.IsWhole)
            key.Append(CultureInfo.InvariantCulture, $"source tensors {baseName} {string.Join(' ', models)} {string.Join(' ', dropped)}\n");
        int? source = dropped.Count + contributing.Count > 0 || isRelaxed || isScaled ? BaseSource(baseName!, sources) : null;
        context = context with
        {
            Inputs = [.. context.Inputs.Select((input, i) => dropped.Contains(i) ? WithoutSparsifier(input) : input)]
        };
        return new TensorImportance(baseName, source, models, dropped, contributing, isRelaxed, isScaled, key.ToString());
    }

    // A whole model's tensor is found under the output's name, or has none to compare with.
    private bool IsOf(string baseName, ModelTensor source) => _merge.IsWhole || source.Tensor == baseName;

    private int BaseSource(string name, List<TensorSource> sources)
    {
        var index = sources.FindIndex(source => source is ModelTensor tensor && tensor.Model == _plan.Base && tensor.Tensor == name);
        if (index >= 0)
            return index;
        sources.Add(new ModelTensor(_plan.Base, name));
        return sources.Count - 1;
    }

    private static TensorInput WithoutSparsifier(TensorInput input) =>
        input.Parameters.ContainsKey(SharedParameters.Density)
            ? input with { Parameters = new Dictionary<string, double>(input.Parameters) { [SharedParameters.Density] = 1 } }
            : input;

    private string DropKey(AplPlan apl, AplModel model)
    {
        var settings = apl.Declaration;
        var seed = settings.Drop == DropRule.Random
            ? string.Create(CultureInfo.InvariantCulture, $" seed={_merge.Seed} position={model.Index}")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"drop {model.Index} {settings.DropLevel} {settings.Budget} {settings.Drop} q={settings.Density:R} tau1={settings.Tau1:R} "
                + $"tau2={settings.Tau2:R} rescale={settings.Rescale}{seed} {Keys(model.Deciding(settings))}\n");
    }

    private static string Keys(IEnumerable<ScoreRequest> requests) => string.Join(' ', requests.Select(request => request.Key.Digest));

}
