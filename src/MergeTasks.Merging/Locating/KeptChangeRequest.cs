using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;
using MergeTasks.Merging.Measuring;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Locating;

/// <summary>
/// Which density keeps what fine-tuning gained, and which one factor makes the kept changes do best: interventions on the whole model,
/// θ_b + s·(kept Δ), run exactly on the task data. Where both are given, only counted is what is kept.
/// </summary>
internal sealed record KeptChangeRequest : ScoreRequest
{
    /// <summary>The densities that are tried, the smallest first; at 1 nothing is dropped.</summary>
    internal static readonly double[] Densities = [0.05, 0.1, 0.2, 0.5, 1];

    /// <summary>The factors that are tried.</summary>
    internal static readonly double[] Scales = [1, 1.25, 1.5, 2, 2.5, 3];

    /// <summary>The share of the fine-tuned model's gain that a density must keep.</summary>
    internal const double Sufficient = 0.98;

    private const int BlockLength = 1 << 16;
    private const int FirstScale = 3;

    // Runs that a search for the density, and one for the factor alone, took on the models that they were tried on.
    private const int UsualSearch = 10, UsualClimb = 4;

    private readonly LocatedModel _model;
    private readonly AplDeclaration _apl;
    private readonly TaskRun _base;
    private readonly SampleScoreRequest? _baseScore;
    private readonly SampleScoreRequest? _tunedScore;

    internal KeptChangeRequest(
        ScoreKey key,
        ModelDeclaration declaration,
        LocatedModel model,
        AplDeclaration apl,
        TaskRun baseModel,
        SampleScoreRequest? baseScore,
        SampleScoreRequest? tunedScore)
        : base(key, declaration, baseModel.Data) =>
        (_model, _apl, _base, _baseScore, _tunedScore) = (model, apl, baseModel, baseScore, tunedScore);

    /// <inheritdoc/>
    public override string Phase => _apl.Searches ? "density and scale of the kept changes" : "kept changes";

    /// <summary>The scores that a search compares with; empty where nothing is searched.</summary>
    internal IEnumerable<ScoreRequest> Compared => new ScoreRequest?[] { _baseScore, _tunedScore }.OfType<ScoreRequest>();

    /// <summary>The result, computed where the store lacks it.</summary>
    internal KeptChange Result(ScoringContext context) => KeptChange.Read(ScoreFile.Read(context.PathOf(this)));

    internal override IEnumerable<ScoreRequest> Needs => _model.Scores.Deciding(_apl).Concat(Compared);

    internal override ScoreWork Work() => Compared.Any()
        ? ScoreWork.Forward(_apl.Density is null ? UsualSearch : UsualClimb, _base.Tokens(_base.Share), isSearch: true)
        : ScoreWork.None;

    internal override IEnumerable<ScoreList> Lists
    {
        get
        {
            var layers = _model.Scores.Partition.Layers.Count;
            return [new("choice", 7), new("kept", layers), new("changed", layers), new("elements", layers)];
        }
    }

    internal override void Compute(ScoringContext context, string path)
    {
        using var locator = new ChangeLocator(_model, _apl, context);
        var search = _apl.Searches && _apl.Rescale == RescaleRule.Task || _apl.Density is null ? new Search(this, locator, context) : null;
        using (search)
        {
            var density = _apl.Density ?? search!.Density();
            var counted = Count(locator, locator.At(density), context);
            var scale = density >= 1 ? 1 : _apl.Rescale == RescaleRule.Task ? search!.Scale(density) : Fixed(density, counted);
            ScoreFile.Write(path, Key, (counted with
            {
                Density = density,
                Scale = scale,
                BaseScore = search?.BaseScore ?? double.NaN,
                TunedScore = search?.TunedScore ?? double.NaN,
                KeptScore = search?.Known(density, scale) ?? double.NaN,
            }).Lists.Append(("tried", search?.Tried ?? [])));
        }
    }

    // A factor that no run decides.
    private double Fixed(double density, KeptChange counted) => _apl.Rescale switch
    {
        RescaleRule.Inverse when _apl.Budget == BudgetRule.PerParameter => 1 / density,
        RescaleRule.Mass when counted.KeptMass > 0 => counted.Mass / counted.KeptMass,
        _ => 1,
    };

    private KeptChange Count(ChangeLocator locator, DeltaDrop drop, ScoringContext context)
    {
        var partition = _model.Scores.Partition;
        var (kept, changed) = (new double[partition.Layers.Count], new double[partition.Layers.Count]);
        var (keptMass, mass) = (0.0, 0.0);
        var readers = Enumerable.Range(0, context.Team.Count)
            .Select(_ => (Deltas: locator.NewReader(), Values: new float[BlockLength]))
            .ToArray();
        for (var layer = 0; layer < partition.Layers.Count; layer++)
        {
            foreach (var tensor in partition.Layers[layer].Tensors.Select(index => partition.Tensors[index]))
            {
                // By block, and added in their order, so that the sums do not depend on threads.
                var sums = new (long Kept, long Changed, double KeptMass, double Mass)[(tensor.Elements + BlockLength - 1) / BlockLength];
                context.Team.Run(sums.Length, sequential: false, (worker, block) =>
                {
                    var start = block * BlockLength;
                    var delta = readers[worker].Values.AsSpan(0, (int)Math.Min(BlockLength, tensor.Elements - start));
                    readers[worker].Deltas.Read(tensor.Name, start, delta);
                    var (all, size) = Sum(delta);
                    drop.Apply(tensor.Name, start, delta);
                    var (some, part) = Sum(delta);
                    sums[block] = (some, all, part, size);
                });
                foreach (var sum in sums)
                {
                    kept[layer] += sum.Kept;
                    changed[layer] += sum.Changed;
                    keptMass += sum.KeptMass;
                    mass += sum.Mass;
                }
            }
        }

        double[] elements = [.. partition.Layers.Select(layer => (double)partition.ElementsOf(layer.Tensors))];
        return new KeptChange(0, 0, 0, 0, 0, keptMass, mass, kept, changed, elements);
    }

    private static (long Count, double Mass) Sum(ReadOnlySpan<float> values)
    {
        var (count, mass) = (0L, 0.0);
        foreach (var value in values)
        {
            if (value == 0)
                continue;
            count++;
            mass += Math.Abs((double)value);
        }

        return (count, mass);
    }

    // Interventions on the whole model, each at most once.
    private sealed class Search : IDisposable
    {
        private readonly KeptChangeRequest _request;
        private readonly ChangeLocator _locator;
        private readonly ScoringContext _context;
        private readonly Dictionary<double, HillClimb> _climbs = [];
        private readonly LoadedModel _loaded;
        private readonly TaskMetric _metric;
        private readonly CandidateParameters _candidate;
        private readonly (DeltaReader Deltas, float[] Values)[] _readers;

        public Search(KeptChangeRequest request, ChangeLocator locator, ScoringContext context)
        {
            (_request, _locator, _context) = (request, locator, context);
            (BaseScore, TunedScore) =
                (request._baseScore!.Result(context).Deciding.Average(), request._tunedScore!.Result(context).Deciding.Average());
            _loaded = request._base.Model.Load(context.Engine);
            _metric = request._base.Metric(_loaded.Model);
            _candidate = new CandidateParameters(request._model.Scores.Partition.Tensors
                .Where(tensor => _loaded.Model.Parameters.ContainsKey(tensor.Name))
                    .Select(tensor => new TensorSpec(tensor.Name, DType.F32, tensor.Shape)));
            _readers = [.. Enumerable.Range(0, context.Team.Count).Select(_ => (locator.NewReader(), new float[BlockLength]))];
            context.Progress.Scoring(
                request.Model.Label,
                request.Phase,
                0,
                $"about {(request._apl.Density is null ? "4 to 10" : "4")} forward passes × {_metric.Tokens} tokens");
        }

        public double BaseScore { get; }

        public double TunedScore { get; }

        /// <summary>Density, factor and score of everything that was tried.</summary>
        public double[] Tried =>
            [
                .. _climbs.OrderBy(pair => pair.Key)
                    .SelectMany(pair => pair.Value.Tried.SelectMany(tried => new[] { pair.Key, tried.Value, tried.Effect }))
            ];

        private double Enough => BaseScore + (Sufficient * (TunedScore - BaseScore));

        /// <summary>
        /// The smallest that keeps enough: first the smallest of all, which is enough for large models, then by halving. Where fine-tuning
        /// gained nothing, 1.
        /// </summary>
        public double Density()
        {
            if (!(TunedScore > BaseScore))
                return 1;
            var (low, high) = (0, Densities.Length - 1);
            for (var middle = 0; low < high; middle = (low + high) / 2)
            {
                if (Reaches(Densities[middle]))
                    high = middle;
                else
                    low = middle + 1;
            }

            return Densities[low];
        }

        /// <summary>The factor at which what a density keeps does best.</summary>
        public double Scale(double density) => Scales[Climb(density).Peak(StartAt(density))];

        /// <summary>The score of something that was tried, or that needs no trying.</summary>
        public double Known(double density, double scale) => density >= 1 && scale == 1 ? TunedScore
            : _climbs.TryGetValue(density, out var climb)
                && climb.Tried.FirstOrDefault(tried => tried.Value == scale) is { Value: > 0 } tried ? tried.Effect : double.NaN;

        public void Dispose()
        {
            _loaded.Dispose();
            _candidate.Dispose();
        }

        private bool Reaches(double density)
        {
            var climb = Climb(density);
            return climb.Of(_request._apl.Rescale == RescaleRule.Task ? climb.Peak(StartAt(density), Enough) : 0) >= Enough;
        }

        // The factor makes up for what is dropped, so that of two densities the larger has no larger one: the walk begins at the best that
        // was found for this density, else for the next smaller one.
        private int StartAt(double density) => _climbs.Where(pair => pair.Key <= density && pair.Value.Tried.Any())
            .OrderBy(pair => pair.Key)
            .Select(pair => pair.Value.Best)
            .LastOrDefault(FirstScale);

        private HillClimb Climb(double density)
        {
            if (_climbs.TryGetValue(density, out var known))
                return known;
            var scales = _request._apl.Rescale == RescaleRule.Task
                ? Scales
                : [_request.Fixed(density, _request.Count(_locator, _locator.At(density), _context))];
            return _climbs[density] = new HillClimb(scales, scale => Measure(_locator.At(density), scale));
        }

        private double Measure(DeltaDrop drop, double scale)
        {
            foreach (var tensor in _request._model.Scores.Partition.Tensors.Where(tensor =>
                _loaded.Model.Parameters.ContainsKey(tensor.Name)))
            {
                _context.Team.Run((tensor.Elements + BlockLength - 1) / BlockLength, sequential: false, (worker, block) =>
                {
                    var start = block * BlockLength;
                    var (deltas, values) = _readers[worker];
                    var delta = values.AsSpan(0, (int)Math.Min(BlockLength, tensor.Elements - start));
                    var baseValues = deltas.Read(tensor.Name, start, delta);
                    drop.Apply(tensor.Name, start, delta);
                    BlockMath.Multiply(delta, (float)scale);
                    BlockMath.Add(delta, baseValues);
                    _candidate.Write(tensor.Name, start, delta);
                });
            }

            using var model = _loaded.Model.Replacing(_candidate.Values());
            return _metric.Measure(model, _context);
        }
    }
}

/// <summary>What a model keeps of its changes.</summary>
/// <param name="Density">The density.</param>
/// <param name="Scale">The factor of what is kept.</param>
/// <param name="BaseScore">M(θ_b) on the samples that decide; NaN where nothing was searched.</param>
/// <param name="TunedScore">M(θ_i).</param>
/// <param name="KeptScore">M(θ_b + s·kept Δ).</param>
/// <param name="KeptMass">Σ|Δ| over what is kept, before the factor.</param>
/// <param name="Mass">Σ|Δ| over everything.</param>
/// <param name="Kept">Elements kept in each layer.</param>
/// <param name="Changed">Elements that differ from the base in each layer.</param>
/// <param name="Elements">Elements of each layer.</param>
internal sealed record KeptChange(
    double Density,
    double Scale,
    double BaseScore,
    double TunedScore,
    double KeptScore,
    double KeptMass,
    double Mass,
    double[] Kept,
    double[] Changed,
    double[] Elements)
{
    /// <summary>The share of the gain that is kept; NaN where it is not known.</summary>
    public double Recovery => TunedScore > BaseScore ? (KeptScore - BaseScore) / (TunedScore - BaseScore) : double.NaN;

    /// <summary>As lists of a score file.</summary>
    public IEnumerable<(string, double[])> Lists =>
        [
            ("choice", [Density, Scale, BaseScore, TunedScore, KeptScore, KeptMass, Mass]),
            ("kept", Kept),
            ("changed", Changed),
            ("elements", Elements)
        ];

    /// <summary>From a score file.</summary>
    public static KeptChange Read(Dictionary<string, double[]> lists) => lists["choice"] is var choice
        ? new KeptChange(
            choice[0], choice[1], choice[2], choice[3], choice[4], choice[5], choice[6], lists["kept"], lists["changed"], lists["elements"])
        : throw new InvalidOperationException();
}
