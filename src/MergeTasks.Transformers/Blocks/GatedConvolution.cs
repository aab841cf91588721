using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>out(c · convolution(b · x)), see <see cref="GatedConvolutionSpec"/>.</summary>
internal sealed class GatedConvolution : Mixer
{
    private readonly Linear _input;
    private readonly Convolution _convolution;
    private readonly Linear _output;
    private readonly string[] _inputName;
    private readonly string[] _outputName;
    private readonly int _width;

    /// <summary>Binds the parameters.</summary>
    public GatedConvolution(GatedConvolutionSpec spec, ParameterSet parameters)
    {
        _input = new Linear(spec.Input, parameters);
        _convolution = new Convolution(spec.Convolution, parameters);
        _output = new Linear(spec.Output, parameters);
        _inputName = [_input.Name];
        _outputName = [_output.Name];
        _width = spec.Convolution.Channels;
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => [_input.Description, _output.Description];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        pass.Observe(_inputName, x);
        using var all = _input.Forward(pass, x);
        using var product = pass.Rent(x.Rows, _width);
        for (var row = 0; row < x.Rows; row++)
            TensorPrimitives.Multiply(all.Row(row)[.._width], all.Row(row)[(2 * _width)..], product.Row(row));
        using var mixed = _convolution.Forward(pass, product);
        using var gated = pass.Rent(x.Rows, _width);
        for (var row = 0; row < x.Rows; row++)
            TensorPrimitives.Multiply(all.Row(row).Slice(_width, _width), mixed.Row(row), gated.Row(row));
        pass.Tape?.Push(all);
        pass.Tape?.Push(mixed);
        pass.Observe(_outputName, gated);
        return _output.Forward(pass, gated);
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dGated = pass.Rent(dy.Rows, _width);
        _output.Backward(pass, dy, dGated, accumulate: false);
        using var mixed = pass.Tape!.Pop();
        using var all = pass.Tape.Pop();
        using var dAll = pass.Rent(dy.Rows, 3 * _width);
        for (var row = 0; row < dy.Rows; row++)
        {
            TensorPrimitives.Multiply(dGated.Row(row), mixed.Row(row), dAll.Row(row).Slice(_width, _width));
            TensorPrimitives.Multiply(dGated.Row(row), all.Row(row).Slice(_width, _width), dGated.Row(row));
        }

        using var dProduct = _convolution.Backward(pass, dGated);
        for (var row = 0; row < dy.Rows; row++)
        {
            TensorPrimitives.Multiply(dProduct.Row(row), all.Row(row)[(2 * _width)..], dAll.Row(row)[.._width]);
            TensorPrimitives.Multiply(dProduct.Row(row), all.Row(row)[.._width], dAll.Row(row)[(2 * _width)..]);
        }

        var dx = pass.Rent(dy.Rows, dy.Channels);
        _input.Backward(pass, dAll, dx, accumulate: false);
        return dx;
    }
}
