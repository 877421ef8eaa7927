const answer = async (request: Request): Promise<Response> => {
  const { pathname, search } = new URL(request.url)
  if (pathname === '/echo') return new Response(await request.text(), { headers: { 'content-type': 'application/octet-stream' } })
  if (pathname === '/headers')
    return new Response('', { headers: { 'x-got': request.headers.get('x-given') ?? 'nothing', 'x-query': search } })
  if (pathname === '/method') return new Response(request.method, { status: 201 })
  return new Response('not here', { status: 404 })
}

addEventListener('fetch', (event) => event.respondWith(answer(event.request)))
