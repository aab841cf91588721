using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Quantization;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Gguf.Models;

/// <summary>Gathers the tensors of a GGUF file, each with its type and with where it comes from.</summary>
/// <param name="names">Finds the checkpoint's tensors and compares their shapes.</param>
/// <param name="file">The kind of file.</param>
/// <param name="layers">Number of layers.</param>
internal sealed class TensorList(ITensorNames names, GgufFileType file, int layers)
{
    private readonly List<ExportTensor> _tensors = [];

    /// <summary>What was added.</summary>
    public IReadOnlyList<ExportTensor> Tensors => _tensors;

    /// <summary>A matrix, or several of one shape as a stack.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="role">What it is for.</param>
    /// <param name="layer">Its layer.</param>
    /// <param name="isStack">Whether the parts are experts'.</param>
    /// <param name="parts">The parts; of one matrix, what its rows consist of.</param>
    public void Matrix(string name, MatrixRole role, int layer, bool isStack, params IReadOnlyList<MatrixPart> parts)
    {
        var (rows, columns) = (isStack ? parts[0].Rows : parts.Sum(part => part.Rows), parts[0].Columns);
        long[] shape = isStack ? [columns, rows, parts.Count] : [columns, rows];
        _tensors.Add(new ExportTensor(new GgufTensor(name, shape, TypeMix.TypeOf(file, role, layer, layers, 2, columns)), parts));
    }

    /// <summary>A vector, or one for each expert; in fp32.</summary>
    public void Vector(string name, params IReadOnlyList<MatrixPart> parts)
    {
        long[] shape = parts.Count == 1 ? [parts[0].Columns] : [parts[0].Columns, parts.Count];
        _tensors.Add(new ExportTensor(new GgufTensor(name, shape, GgmlType.F32), parts));
    }

    /// <summary>A vector of numbers that no tensor holds.</summary>
    public void Constant(string name, float[] numbers) =>
        _tensors.Add(new ExportTensor(new GgufTensor(name, [numbers.Length], GgmlType.F32), []) { Constant = numbers });

    /// <summary>A norm's weight, and its bias where it has one.</summary>
    /// <param name="name">Its name in the file, without <c>.weight</c>.</param>
    /// <param name="norm">The norm.</param>
    /// <param name="columnOf">Which stored element an element is.</param>
    /// <param name="factor">Multiplies the weight.</param>
    public void Norm(string name, NormSpec norm, Func<int, int>? columnOf = null, double factor = 1)
    {
        Vector($"{name}.weight", VectorPart([$"{norm.Module}.weight"], norm.Width) with
        {
            Offset = norm.WeightOffset,
            ColumnOf = columnOf,
            Factor = (float)factor,
        });
        if (norm.Bias)
            Vector($"{name}.bias", VectorPart([$"{norm.Module}.bias"], norm.Width));
    }

    /// <summary>A matrix as a linear module has it, with the module's bias.</summary>
    public void Linear(string name, MatrixRole role, int layer, LinearSpec linear, Func<int, int>? rowOf = null, double factor = 1)
    {
        Matrix($"{name}.weight", role, layer, false, Rows(linear, 0, linear.Outputs, rowOf) with { Factor = (float)factor });
        if (linear.Bias)
            Vector($"{name}.bias", BiasPart(linear, linear.Outputs, rowOf) with { Factor = (float)factor });
    }

    /// <summary>Some rows of a linear module's matrix.</summary>
    /// <param name="linear">The module.</param>
    /// <param name="first">The first row, where they follow each other.</param>
    /// <param name="rows">How many.</param>
    /// <param name="rowOf">Which row each is, counted from the first.</param>
    public MatrixPart Rows(LinearSpec linear, int first, int rows, Func<int, int>? rowOf = null)
    {
        long[] shape = linear.StoredByInput ? [linear.Inputs, linear.Outputs] : [linear.Outputs, linear.Inputs];
        var name = names.Find([linear.Weight], linear.Stack, shape);
        return new MatrixPart(name, (long)(linear.Stack?.Index ?? 0) * linear.Outputs * linear.Inputs, rows, linear.Inputs)
        {
            RowOf = first == 0 ? rowOf : row => first + (rowOf?.Invoke(row) ?? row),
            StoredColumns = linear.StoredByInput ? linear.Outputs : 0,
        };
    }

    /// <summary>Some elements of a linear module's bias.</summary>
    public MatrixPart BiasPart(LinearSpec linear, int count, Func<int, int>? elementOf) =>
        VectorPart(linear.BiasNames, linear.Outputs, linear.Stack) with { Columns = count, ColumnOf = elementOf };

    /// <summary>A vector of the checkpoint, or one place of a stack of them.</summary>
    public MatrixPart VectorPart(IReadOnlyList<string> spellings, int length, StackPlace? stack = null) =>
        new(names.Find(spellings, stack, length), (long)(stack?.Index ?? 0) * length, 1, length);

    /// <summary>A table of the checkpoint.</summary>
    public MatrixPart Table(string name, int rows, int columns) => new(names.Find([name], null, rows, columns), 0, rows, columns);
}
