using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;
using MergeTasks.Numerics.Memory;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>
/// DELLA's MagPrune: each element is kept with a probability that grows with the rank of its magnitude in its row, from density − epsilon
/// for the smallest to density + epsilon for the largest: p = (density − epsilon) + 2·epsilon·(r − 1)/(m − 1), r from 1 to m; p = density
/// where m = 1. Of equal magnitudes the lower index ranks higher. A density of 1 keeps everything, one of 0 nothing.
/// </summary>
/// <remarks>
/// Rows lie along the last dimension; a vector is one row. In compatibility mode of equal magnitudes the lower index ranks lower, and rows
/// lie along dimension 1, which for stacks of matrices is not the last, ranks and probabilities round to the mask's type, and numbers come
/// from the sequential generator.
/// </remarks>
internal sealed class RankSparsifier : ISparsifier
{
    private readonly TensorContext _context;
    private readonly int[] _models;
    private readonly int _base;
    private readonly (double Density, double Epsilon)[] _settings;
    private readonly long _unit;
    private readonly int _interleaved;
    private readonly RankedUnit?[,] _units;
    private readonly MaskNumbers _numbers;
    private readonly bool _divides;

    public RankSparsifier(TensorContext context)
    {
        _context = context;
        _models = context.ModelIndices();
        _base = context.BaseIndex;
        _settings = [.. _models.Select(i => (context.Inputs[i]["density"], context.Inputs[i]["epsilon"]))];
        var alongSecond = context.CompatibleDType is not null && context.Shape.Count > 2;
        var layout = VectorLayout.Of(context.Shape, VectorAxis.Last);
        _interleaved = alongSecond ? checked((int)context.Shape.Skip(2).Aggregate(1L, (product, size) => product * size)) : 1;
        _unit = alongSecond ? context.Shape[1] * _interleaved : layout.Length;
        _units = new RankedUnit?[context.Workers, _models.Length];
        _divides = context.Flag("rescale") && context.Flag("rescale_by_probability");
        _numbers = new MaskNumbers(context, [.. _settings.Select(IsRandom)]);
    }

    public bool MasksHalfInSingle => true;

    public bool IsSequential => _numbers.IsSequential;

    public static long CompatibleDraws(TensorContext context) =>
        MaskNumbers.CompatibleDraws(context, context.ModelIndices().Count(i => IsRandom((context.Inputs[i]["density"], 0))));

    /// <summary>What is wrong with a model's density and epsilon.</summary>
    public static string? Conflict(TensorContext context)
    {
        foreach (var i in context.ModelIndices())
        {
            var (density, epsilon) = (context.Inputs[i]["density"], context.Inputs[i]["epsilon"]);
            if (IsRandom((density, epsilon)) && (density + epsilon >= 1 || density - epsilon <= 0))
                return $"a density of {density} with an epsilon of {epsilon} gives probabilities from {density - epsilon:0.###} "
                    + $"to {density + epsilon:0.###}; they must lie between 0 and 1. Make epsilon smaller "
                    + $"than {Math.Min(density, 1 - density):0.###}.";
        }

        return null;
    }

    public void BeginMasking(bool isLast) => _numbers.Restart();

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
        if (_settings[model].Density >= 1)
            return;
        if (_settings[model].Density <= 0)
        {
            delta.Clear();
            return;
        }

        var unit = _units[block.Worker, model] ??= new RankedUnit(_interleaved, _context.CompatibleDType is not null);
        var probabilities = unit.Probabilities.AsSpan(0, delta.Length);
        for (var i = 0; i < delta.Length;)
        {
            var (number, first) = ((block.Start + i) / _unit, (int)((block.Start + i) % _unit));
            var length = (int)Math.Min(delta.Length - i, _unit - first);
            if (length == _unit)
                unit.Rank(number, delta.Slice(i, length));
            else if (unit.Number != number)
                unit.Rank(number, Whole(model, number, block));
            Probabilities(unit.Ranks.Slice(first, length), _settings[model], probabilities.Slice(i, length));
            i += length;
        }

        _numbers.Keep(model, block, probabilities, delta);
    }

    public void Divide(int model, MergeBlock block, Span<float> delta)
    {
        if (!IsDivided(model))
            return;
        var probabilities = _units[block.Worker, model]!.Probabilities;
        for (var i = 0; i < delta.Length; i++)
            delta[i] /= probabilities[i];
    }

    public void Divide(int model, MergeBlock block, Span<double> delta)
    {
        if (!IsDivided(model))
            return;
        var probabilities = _units[block.Worker, model]!.Probabilities;
        for (var i = 0; i < delta.Length; i++)
            delta[i] /= probabilities[i];
    }

    private bool IsDivided(int model) => _divides && IsRandom(_settings[model]);

    private static bool IsRandom((double Density, double Epsilon) setting) => setting.Density is > 0 and < 1;

    private float[] Whole(int model, long unit, MergeBlock block)
    {
        var values = LargeArray.Of<float>(_unit);
        var baseValues = new float[_unit];
        block.Load(_models[model], unit * _unit, values);
        block.Load(_base, unit * _unit, baseValues);
        BlockMath.Subtract(values, baseValues);
        _context.Round(values);
        return values;
    }

    private void Probabilities(ReadOnlySpan<int> ranks, (double Density, double Epsilon) setting, Span<float> probabilities)
    {
        var (lowest, span) = (setting.Density - setting.Epsilon, 2 * setting.Epsilon);
        var last = (_unit / _interleaved) - 1.0;
        for (var i = 0; i < ranks.Length; i++)
        {
            if (last == 0)
                probabilities[i] = (float)setting.Density;
            else if (_context.CompatibleDType == DType.BF16)
                probabilities[i] = _context.Round(
                    _context.Round(lowest)
                        + _context.Round(_context.Round(_context.Round(_context.Round(ranks[i]) - 1.0) / _context.Round(last)) * span));
            else
                probabilities[i] = (float)(lowest + ((ranks[i] - 1) / last * span));
        }
    }

    // The ranks of the row (or interleaved rows) that a worker looked at last.
    private sealed class RankedUnit(int interleaved, bool firstRanksLowest)
    {
        private readonly MagnitudeRanks _sorter = new();
        private int[] _ranks = [];
        private int[] _lane = [];
        private float[] _values = [];

        public long Number { get; private set; } = -1;

        /// <summary>With which probability each element of the block that was masked last is kept.</summary>
        public float[] Probabilities { get; } = new float[TensorMerge.BlockLength];

        public ReadOnlySpan<int> Ranks => _ranks;

        public void Rank(long number, ReadOnlySpan<float> values)
        {
            if (_ranks.Length != values.Length)
                (_ranks, _lane, _values) =
                    (new int[values.Length], new int[values.Length / interleaved], new float[values.Length / interleaved]);
            Number = number;
            if (interleaved == 1)
            {
                _sorter.Rank(values, _ranks, firstRanksLowest);
                return;
            }

            for (var lane = 0; lane < interleaved; lane++)
            {
                for (var i = 0; i < _lane.Length; i++)
                    _values[i] = values[(i * interleaved) + lane];
                _sorter.Rank(_values, _lane, firstRanksLowest);
                for (var i = 0; i < _lane.Length; i++)
                    _ranks[(i * interleaved) + lane] = _lane[i];
            }
        }
    }
}
