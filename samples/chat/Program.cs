using LLama;
using LLama.Common;
using LLama.Native;
using LLama.Sampling;

// What llama.cpp tells of itself is not part of the talk.
NativeLogConfig.llama_log_set((_, _) => { });
var model = Path.Combine(AppContext.BaseDirectory, "..", "models", "assistant", "assistant-Q8_0.gguf");
var parameters = new ModelParams(model) { ContextSize = 512, GpuLayerCount = 0 };
using var weights = LLamaWeights.LoadFromFile(parameters);
var talk = new StatelessExecutor(weights, parameters);
var answer = new InferenceParams { MaxTokens = 24, AntiPrompts = ["\n"], SamplingPipeline = new GreedySamplingPipeline() };

// Each line is continued; an empty one ends the talk.
while (Console.ReadLine() is { Length: > 0 } line)
{
    await foreach (var text in talk.InferAsync(line, answer))
        Console.Write(text);
    Console.WriteLine();
}
