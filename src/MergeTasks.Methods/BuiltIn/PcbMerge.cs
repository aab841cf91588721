using System.Runtime.CompilerServices;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Methods.BuiltIn;

/// <summary>The merge of <see cref="PcbMethod"/>, once the survey has the model's numbers.</summary>
internal sealed class PcbMerge(TensorContext context, PcbSurvey survey) : TensorMerge
{
    private const int SumSlot = 1;
    private const int FirstDelta = 2;
    private const double SmallestSum = 1e-12;

    // Below it x − x³/3 is tanh x to the last bit but one of fp64: the next term is 2x⁴/15 of it.
    private const double SmallArgument = 1e-4;

    private readonly int _base = context.BaseIndex;
    private readonly int[] _models = context.ModelIndices();
    private readonly double _lambda = context["lambda"];

    public override int? CopyOf => _models.Length == 0 ? _base : null;

    /// <summary>Loads all deltas and their sum.</summary>
    public void LoadDeltas(MergeBlock block)
    {
        var baseValues = block.Load(_base, 0);
        var sum = block.Buffer(SumSlot);
        sum.Clear();
        for (var model = 0; model < _models.Length; model++)
        {
            var delta = block.Load(_models[model], FirstDelta + model);
            BlockMath.Subtract(delta, baseValues);
            BlockMath.Add(sum, delta);
        }
    }

    /// <summary>A model's delta, once loaded.</summary>
    public static Span<float> Delta(MergeBlock block, int model) => block.Buffer(FirstDelta + model);

    /// <summary>A model's β, divided by exp N, which no norm notices and which cannot overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Score(MergeBlock block, int model, Span<float> scores)
    {
        var (smallest, largest) = survey.Magnitudes(model);
        var delta = Delta(block, model);
        var sum = block.Buffer(SumSlot);
        for (var i = 0; i < scores.Length; i++)
        {
            var norm = Norm(Clamp(Math.Abs(delta[i]), smallest, largest), smallest, largest);
            scores[i] = (float)(Math.Exp(_models.Length * ((norm * norm) - 1)) * Tanh((double)delta[i] * sum[i]));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Merge(MergeBlock block)
    {
        LoadDeltas(block);
        Span<float> scores = stackalloc float[BlockLength];
        Span<double> sums = stackalloc double[BlockLength];
        Span<double> divisors = stackalloc double[BlockLength];
        scores = scores[..block.Count];
        sums.Clear();
        divisors.Clear();
        for (var model = 0; model < _models.Length; model++)
        {
            Score(block, model, scores);
            var (smallest, largest) = survey.Magnitudes(model);
            var (threshold, best) = survey.Scores(model);
            var weight = context.Inputs[_models[model]][SharedParameters.Weight];
            var delta = Delta(block, model);
            for (var i = 0; i < scores.Length; i++)
            {
                var share = Norm(Math.Max(scores[i], threshold), threshold, best);
                sums[i] += delta[i] == 0 ? 0 : weight * share * MathF.CopySign(Clamp(Math.Abs(delta[i]), smallest, largest), delta[i]);
                divisors[i] += share;
            }
        }

        block.LoadOutput(_base);
        for (var i = 0; i < scores.Length; i++)
            block.Output[i] = (float)(block.Output[i] + (_lambda * sums[i] / Math.Max(divisors[i], SmallestSum)));
    }

    // Products of two changes are nearly always small, and the library's function takes as long as all else of a score.
    private static double Tanh(double x) => Math.Abs(x) < SmallArgument ? x - (x * x * x / 3) : Math.Tanh(x);

    private static float Clamp(float value, float smallest, float largest) => Math.Max(Math.Min(value, largest), smallest);

    private static double Norm(double value, double smallest, double largest) =>
        largest > smallest ? (value - smallest) / (largest - smallest) : 0;
}
